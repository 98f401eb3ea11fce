;; Proves the records of a piece of the log: frames, checksums, positions, the
;; chain, runs, times, and that each list goes on without a gap. It only tells
;; whether all is well; `segment_check.ts` says what is not. And sums up the
;; entries of index files and snapshots.
;;
;; In WebAssembly, because as JavaScript it takes three times as long, and as
;; much again until the engine has compiled it. `deno task wasm` makes
;; `piece_wasm.ts` of it. How it is called: `piece_program.ts`. The formats that
;; it reads: `log/record.ts`; what it must agree with: `entry_check.ts`,
;; `name_hash.ts`, `entry_digest.ts`.
;;
;; Memory
;;       0  192 bytes: which CRC tables are made
;;    4096  CRC tables: 4 KiB each, at (place × 64 + digit) × 4 KiB
;;  786432  where the records begin that were found last: 8192 words
;;  819200  what is known of records that are being entered: 256 × 64 bytes
;;          0 hash of the stream (high, low), 8 of its category (high, low),
;;          16 whether it has one, 20 offset in the segment's file,
;;          24 where its name begins, 28 and ends, 32 slot of the stream
;;  851968  the table of lists, then the chunk; each anew where it grows
(module
  (memory (export "memory") 14)

  ;; What stands behind it is free.
  (global $top (mut i32) (i32.const 851968))

  ;; Records that were found last, and the CRC that all their bytes must have.
  (global $count (export "count") (mut i32) (i32.const 0))
  (global $crc (export "crc") (mut i32) (i32.const 0))
  ;; How many of them are entered, and how many looked through: from the one on
  ;; that the notes begin with.
  (global $entered (mut i32) (i32.const 0))
  (global $seen (mut i32) (i32.const 0))
  (global $noted (mut i32) (i32.const 0))
  ;; The record that a JavaScript function has to enter.
  (global $special (export "special") (mut i32) (i32.const 0))
  (global $specialOffset (export "specialOffset") (mut i32) (i32.const 0))

  ;; The piece as far as it was read.
  (global $isScavenged (mut i32) (i32.const 0))
  (global $position (mut i64) (i64.const 0))
  (global $endPosition (mut i64) (i64.const 0))
  ;; What makes an offset in the file of a position, low half.
  (global $offsetBase (mut i32) (i32.const 0))
  (global $mark (mut i64) (i64.const -1))
  (global $isMark (mut i32) (i32.const 0))
  (global $recordCount (export "recordCount") (mut i32) (i32.const 0))
  (global $previousCrc (export "previousCrc") (mut i32) (i32.const 0))
  (global $indexInRun (export "indexInRun") (mut i32) (i32.const 0))
  (global $createdAt (mut i64) (i64.const 0))
  (global $lastPosition (mut i64) (i64.const 0))
  (global $firstCrc (export "firstCrc") (mut i32) (i32.const 0))
  (global $firstIndexInRun (export "firstIndexInRun") (mut i32) (i32.const 0))
  (global $firstCreatedAt (mut i64) (i64.const 0))
  (global $hasRunEnd (export "hasRunEnd") (mut i32) (i32.const 0))
  (global $runEnd (mut i64) (i64.const 0))
  (global $runEndCrc (export "runEndCrc") (mut i32) (i32.const 0))
  (global $chain (export "chain") (mut i32) (i32.const 0))

  ;; The digest of its entries.
  (global $one (export "one") (mut i32) (i32.const 0))
  (global $two (export "two") (mut i32) (i32.const 0))
  (global $entryCount (export "entryCount") (mut i32) (i32.const 0))

  ;; Slices of an index file that were taken last.
  (global $slices (export "slices") (mut i32) (i32.const 0))

  ;; The table of its lists: slots as `piece_lists.ts` has them.
  (global $lists (export "lists") (mut i32) (i32.const 0))
  (global $bits (export "bits") (mut i32) (i32.const 0))
  (global $listCount (export "listCount") (mut i32) (i32.const 0))
  (global $maySkip (mut i32) (i32.const 0))
  ;; What was looked at in advance: so that looking is not left out.
  (global $touched (mut i32) (i32.const 0))

  ;; A hash of a name, in two halves; that of the empty one.
  (global $high (mut i32) (i32.const 0))
  (global $low (mut i32) (i32.const 0))
  (global $emptyHigh (mut i32) (i32.const 0))
  (global $emptyLow (mut i32) (i32.const 0))

  ;; Begins with a piece. What there was room for is free again.
  (func (export "begin")
    (param $isScav i32) (param $endPosition f64) (param $base i32)
    (param $bits i32)
    (global.set $top (i32.const 851968))
    (global.set $bits (local.get $bits))
    (global.set $lists (call $makeTable))
    (global.set $isScavenged (local.get $isScav))
    (global.set $maySkip (local.get $isScav))
    (global.set $endPosition (i64.trunc_f64_u (local.get $endPosition)))
    (global.set $offsetBase (local.get $base))
    (global.set $mark (i64.const -1))
    (global.set $isMark (i32.const 0))
    (global.set $count (i32.const 0))
    (global.set $recordCount (i32.const 0))
    (global.set $createdAt (i64.const 0))
    (global.set $hasRunEnd (i32.const 0))
    (global.set $chain (i32.const 0))
    (global.set $one (i32.const 0))
    (global.set $two (i32.const 0))
    (global.set $entryCount (i32.const 0))
    (global.set $listCount (i32.const 0))
    (call $hash (i32.const 0) (i32.const 0))
    (global.set $emptyHigh (global.get $high))
    (global.set $emptyLow (global.get $low)))

  ;; Sets the position of the first record, or the least that it may have.
  (func (export "goTo") (param $position f64)
    (global.set $position (i64.trunc_f64_u (local.get $position))))

  ;; Numbers that need more than 32 bits.
  (func (export "position") (result f64)
    (f64.convert_i64_u (global.get $position)))
  (func (export "lastPosition") (result f64)
    (f64.convert_i64_u (global.get $lastPosition)))
  (func (export "runEnd") (result f64)
    (f64.convert_i64_u (global.get $runEnd)))
  (func (export "createdAt") (result f64)
    (f64.convert_i64_u (global.get $createdAt)))
  (func (export "firstCreatedAt") (result f64)
    (f64.convert_i64_u (global.get $firstCreatedAt)))

  ;; Sets the next position at which `take` is to stop.
  (func (export "stopAt") (param $position f64)
    (global.set $mark (i64.trunc_f64_u (local.get $position))))

  ;; Makes room for so many bytes, which are not zeros.
  (func $room (export "room") (param $bytes i32) (result i32)
    (local $at i32) (local $missing i32)
    (local.set $at (global.get $top))
    (global.set $top
      (i32.and
        (i32.add
          (i32.add (local.get $at) (local.get $bytes))
          (i32.const 15))
        (i32.const -16)))
    (local.set $missing
      (i32.sub
        (i32.add
          (i32.shr_u (global.get $top) (i32.const 16))
          (i32.const 1))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
          (then (unreachable)))))
    (local.get $at))

  ;; ----- Checksums: as in `crc_parts.ts` ------------------------------------

  ;; Moves a CRC on by as many zero bytes as the table is for.
  (func $move (param $crc i32) (param $table i32) (result i32)
    (i32.xor
      (i32.xor
        (i32.load
          (i32.add
            (local.get $table)
            (i32.and
              (i32.shl (local.get $crc) (i32.const 2))
              (i32.const 0x3fc))))
        (i32.load offset=1024
          (i32.add
            (local.get $table)
            (i32.and
              (i32.shr_u (local.get $crc) (i32.const 6))
              (i32.const 0x3fc)))))
      (i32.xor
        (i32.load offset=2048
          (i32.add
            (local.get $table)
            (i32.and
              (i32.shr_u (local.get $crc) (i32.const 14))
              (i32.const 0x3fc))))
        (i32.load offset=3072
          (i32.add
            (local.get $table)
            (i32.and
              (i32.shr_u (local.get $crc) (i32.const 22))
              (i32.const 0x3fc)))))))

  ;; Where the tables of a digit, 1 or more, are; places have 6 bits.
  (func $tableOf (param $place i32) (param $digit i32) (result i32)
    (local $index i32) (local $table i32) (local $byte i32) (local $value i32)
    (local.set $index
      (i32.add
        (i32.shl (local.get $place) (i32.const 6))
        (local.get $digit)))
    (local.set $table (i32.shl (local.get $index) (i32.const 12)))
    (if (i32.load8_u (local.get $index)) (then (return (local.get $table))))
    (block $done
      (loop $bytes
        (br_if $done (i32.eq (local.get $byte) (i32.const 4)))
        (local.set $value (i32.const 0))
        (loop $values
          (i32.store
            (i32.add
              (local.get $table)
              (i32.add
                (i32.shl (local.get $byte) (i32.const 10))
                (i32.shl (local.get $value) (i32.const 2))))
            (call $moved
              (i32.shl
                (local.get $value)
                (i32.shl (local.get $byte) (i32.const 3)))
              (local.get $place)
              (local.get $digit)))
          (local.set $value (i32.add (local.get $value) (i32.const 1)))
          (br_if $values (i32.lt_u (local.get $value) (i32.const 256))))
        (local.set $byte (i32.add (local.get $byte) (i32.const 1)))
        (br $bytes)))
    (i32.store8 (local.get $index) (i32.const 1))
    (local.get $table))

  ;; The slow way, by which tables are made from those of smaller numbers.
  (func $moved (param $crc i32) (param $place i32) (param $digit i32)
    (result i32)
    (local $bit i32)
    (if (i32.gt_u (local.get $digit) (i32.const 1))
      (then
        (return
          (call $move
            (call $move
              (local.get $crc)
              (call $tableOf
                (local.get $place)
                (i32.sub (local.get $digit) (i32.const 1))))
            (call $tableOf (local.get $place) (i32.const 1))))))
    (if (local.get $place)
      (then
        (local.set $place (i32.sub (local.get $place) (i32.const 1)))
        (return
          (call $move
            (call $move
              (local.get $crc)
              (call $tableOf (local.get $place) (i32.const 63)))
            (call $tableOf (local.get $place) (i32.const 1))))))
    (loop $bits
      (local.set $crc
        (i32.xor
          (i32.shr_u (local.get $crc) (i32.const 1))
          (i32.and
            (i32.sub
              (i32.const 0)
              (i32.and (local.get $crc) (i32.const 1)))
            (i32.const 0xedb88320))))
      (local.set $bit (i32.add (local.get $bit) (i32.const 1)))
      (br_if $bits (i32.lt_u (local.get $bit) (i32.const 8))))
    (local.get $crc))

  ;; The CRC of two parts, of which the second has so many bytes.
  (func $after (export "crcAfter")
    (param $before i32) (param $crc i32) (param $bytes i32) (result i32)
    (local $digit i32)
    (local.set $digit (i32.and (local.get $bytes) (i32.const 63)))
    (if (local.get $digit)
      (then
        (local.set $before
          (call $move
            (local.get $before)
            (call $tableOf (i32.const 0) (local.get $digit))))))
    (local.set $digit
      (i32.and
        (i32.shr_u (local.get $bytes) (i32.const 6))
        (i32.const 63)))
    (if (local.get $digit)
      (then
        (local.set $before
          (call $move
            (local.get $before)
            (call $tableOf (i32.const 1) (local.get $digit))))))
    (local.set $digit (i32.shr_u (local.get $bytes) (i32.const 12)))
    (if (local.get $digit)
      (then
        (local.set $before
          (call $move
            (local.get $before)
            (call $tableOf (i32.const 2) (local.get $digit))))))
    (i32.xor (local.get $before) (local.get $crc)))

  ;; The CRC of a part and the four bytes of a word after it. The table of four
  ;; bytes has been made.
  (func $afterWord (param $before i32) (param $word i32) (result i32)
    (i32.xor
      (call $move
        (i32.xor
          (i32.xor (local.get $before) (i32.const -1))
          (local.get $word))
        (i32.const 16384))
      (i32.const -1)))

  ;; ----- Records ------------------------------------------------------------

  ;; Finds records from `start` on, one after the other: none that begins at
  ;; `limit`, or ends behind `end`. Leaves where they begin, their number, and
  ;; the CRC that all of their bytes have if each has those that it says.
  ;; Returns where they end.
  (func (export "find")
    (param $start i32) (param $limit i32) (param $end i32) (result i32)
    (local $at i32) (local $length i32) (local $count i32) (local $crc i32)
    (local $head i32) (local $body i32) (local $data i32) (local $headCrc i32)
    (local $base i64)
    (drop (call $tableOf (i32.const 0) (i32.const 4)))
    (local.set $at (local.get $start))
    (local.set $base
      (i64.sub (global.get $position) (i64.extend_i32_u (local.get $start))))
    (block $done
      (loop $records
        (br_if $done (i32.ge_u (local.get $at) (local.get $limit)))
        (br_if $done
          (i32.lt_u
            (i32.sub (local.get $end) (local.get $at))
            (i32.const 96)))
        (br_if $done (i32.eq (local.get $count) (i32.const 8192)))
        (local.set $length (i32.load (local.get $at)))
        (br_if $done
          (i32.gt_u
            (local.get $length)
            (i32.sub (local.get $end) (local.get $at))))
        (br_if $done (i32.lt_u (local.get $length) (i32.const 96)))
        (if (i32.eqz (global.get $isScavenged))
          (then
            (br_if $done
              (i64.ne
                (i64.load offset=8 (local.get $at))
                (i64.add
                  (local.get $base)
                  (i64.extend_i32_u (local.get $at)))))))
        ;; The first event of a stream, flag 4, has 16 bytes more.
        (local.set $head
          (i32.add
            (i32.add
              (i32.shl
                (i32.and
                  (i32.load8_u offset=88 (local.get $at))
                  (i32.const 4))
                (i32.const 2))
              (i32.const 92))
            (i32.add
              (i32.load16_u offset=80 (local.get $at))
              (i32.load16_u offset=82 (local.get $at)))))
        (local.set $data (i32.load offset=72 (local.get $at)))
        (local.set $body (i32.load offset=76 (local.get $at)))
        (br_if $done (i32.gt_u (local.get $data) (local.get $length)))
        (br_if $done (i32.gt_u (local.get $body) (local.get $length)))
        (local.set $body (i32.add (local.get $data) (local.get $body)))
        (br_if $done
          (i32.ne
            (i32.add
              (i32.add (local.get $head) (local.get $body))
              (i32.const 4))
            (local.get $length)))
        ;; As far as tables go.
        (br_if $done (i32.gt_u (local.get $body) (i32.const 0x3ffff)))
        (local.set $headCrc (i32.load offset=4 (local.get $at)))
        (local.set $crc
          (call $afterWord
            (call $afterWord (local.get $crc) (local.get $length))
            (local.get $headCrc)))
        (local.set $crc
          (call $after
            (local.get $crc)
            (local.get $headCrc)
            (i32.sub (local.get $head) (i32.const 8))))
        (local.set $crc
          (call $after
            (local.get $crc)
            (i32.load offset=68 (local.get $at))
            (local.get $body)))
        (local.set $crc
          (call $afterWord (local.get $crc) (local.get $length)))
        (i32.store offset=786432
          (i32.shl (local.get $count) (i32.const 2))
          (local.get $at))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (local.get $length)))
        (br $records)))
    (call $found (local.get $count))
    (global.set $crc (local.get $crc))
    (local.get $at))

  (func $found (param $count i32)
    (global.set $count (local.get $count))
    (global.set $entered (i32.const 0))
    (global.set $noted (i32.const 0))
    (global.set $seen (i32.const 0)))

  ;; Takes the record at `at` for found: its checksums were checked elsewhere.
  (func (export "findOne") (param $at i32)
    (i32.store (i32.const 786432) (local.get $at))
    (call $found (i32.const 1)))

  ;; Takes the records that were found. Returns 0 when all are taken, 1 behind a
  ;; record that is to be entered by somebody else, 2 at the position at which
  ;; it was to stop, 3 when a record is not as it should be.
  (func (export "take") (result i32)
    (local $answer i32)
    (loop $batches
      (local.set $answer (call $enterSeen))
      (if (local.get $answer) (then (return (local.get $answer))))
      (if (global.get $isMark)
        (then
          (global.set $isMark (i32.const 0))
          (return (i32.const 2))))
      (if (i32.eq (global.get $entered) (global.get $count))
        (then (return (i32.const 0))))
      (br_if $batches (call $look)))
    (i32.const 3))

  ;; Looks through the next 256 records: chain, runs and times. Has the hashes of
  ;; their streams made, and the slots of these lists in the CPU's cache: it
  ;; waits for memory for all of them at once.
  (func $look (result i32)
    (local $at i32) (local $flags i32) (local $note i32) (local $end i32)
    (local $created i64) (local $place i64) (local $length i32)
    (local $crc i32) (local $isRunEnd i32)
    (local.set $note (i32.const 819200))
    (local.set $end (i32.add (global.get $seen) (i32.const 256)))
    (if (i32.gt_u (local.get $end) (global.get $count))
      (then (local.set $end (global.get $count))))
    (block $done
      (loop $records
        (br_if $done (i32.eq (global.get $seen) (local.get $end)))
        (br_if $done (global.get $isMark))
        (local.set $at
          (i32.load offset=786432
            (i32.shl (global.get $seen) (i32.const 2))))
        (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
        (local.set $length (i32.load (local.get $at)))
        (local.set $crc (i32.load offset=4 (local.get $at)))
        (local.set $created (i64.load offset=16 (local.get $at)))
        (local.set $flags (i32.load8_u offset=88 (local.get $at)))
        (local.set $isRunEnd (i32.and (local.get $flags) (i32.const 2)))
        (if (i32.eqz (global.get $recordCount))
          (then
            (global.set $firstCrc (i32.load offset=64 (local.get $at)))
            (global.set $firstIndexInRun (i32.load offset=84 (local.get $at)))
            (global.set $firstCreatedAt (local.get $created))
            (global.set $previousCrc (global.get $firstCrc))
            (global.set $indexInRun (global.get $firstIndexInRun))))
        (if (i64.lt_u (local.get $created) (global.get $createdAt))
          (then (return (i32.const 0))))
        (local.set $place (global.get $position))
        (if (global.get $isScavenged)
          (then
            (local.set $place (i64.load offset=8 (local.get $at)))
            (if (i64.lt_u (local.get $place) (global.get $position))
              (then (return (i32.const 0))))
            (if (i64.ge_u (local.get $place) (global.get $endPosition))
              (then (return (i32.const 0))))
            (global.set $chain
              (call $afterWord (global.get $chain) (local.get $crc)))
            (global.set $position
              (i64.add (local.get $place) (i64.const 1))))
          (else
            (if (i32.ne
                (i32.load offset=64 (local.get $at))
                (global.get $previousCrc))
              (then (return (i32.const 0))))
            (if (i32.ne
                (i32.load offset=84 (local.get $at))
                (global.get $indexInRun))
              (then (return (i32.const 0))))
            (global.set $indexInRun
              (if (result i32) (local.get $isRunEnd)
                (then (i32.const 0))
                (else (i32.add (global.get $indexInRun) (i32.const 1)))))
            (global.set $position
              (i64.add
                (local.get $place)
                (i64.extend_i32_u (local.get $length))))))
        (if (i32.or (local.get $isRunEnd) (global.get $isScavenged))
          (then
            (global.set $hasRunEnd (i32.const 1))
            (global.set $runEnd
              (i64.add
                (local.get $place)
                (i64.extend_i32_u (local.get $length))))
            (global.set $runEndCrc (local.get $crc))))
        (global.set $previousCrc (local.get $crc))
        (global.set $createdAt (local.get $created))
        (global.set $lastPosition (local.get $place))
        (global.set $recordCount
          (i32.add (global.get $recordCount) (i32.const 1)))
        (i32.store offset=20
          (local.get $note)
          (i32.add
            (i32.wrap_i64 (local.get $place))
            (global.get $offsetBase)))
        (call $hashStream (local.get $note) (local.get $at) (local.get $flags))
        (i32.store offset=32
          (local.get $note)
          (call $slotOf
            (i32.xor
              (global.get $high)
              (call $keyOf (i32.const 0) (global.get $low)))))
        (global.set $isMark
          (i64.eq (global.get $position) (global.get $mark)))
        (local.set $note (i32.add (local.get $note) (i32.const 64)))
        (br $records)))
    (call $touch (local.get $note))
    (i32.const 1))

  ;; Has the slots of notes in the CPU's cache.
  (func $touch (param $end i32)
    (local $note i32) (local $sum i32)
    (local.set $note (i32.const 819200))
    (block $done
      (loop $notes
        (br_if $done (i32.eq (local.get $note) (local.get $end)))
        (local.set $sum
          (i32.xor
            (local.get $sum)
            (i32.load (i32.load offset=32 (local.get $note)))))
        (local.set $note (i32.add (local.get $note) (i32.const 64)))
        (br $notes)))
    (global.set $touched (local.get $sum)))

  ;; Notes the stream of a record, with its hash and that of its category.
  (func $hashStream (param $note i32) (param $record i32) (param $flags i32)
    (local $start i32) (local $end i32) (local $at i32) (local $has i32)
    (local.set $start
      (i32.add
        (i32.add (local.get $record) (i32.const 92))
        (i32.shl
          (i32.and (local.get $flags) (i32.const 4))
          (i32.const 2))))
    (local.set $end
      (i32.add
        (local.get $start)
        (i32.load16_u offset=80 (local.get $record))))
    (local.set $at (local.get $start))
    (block $done
      (loop $bytes
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        ;; A category ends with the first "-".
        (br_if $done
          (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2d)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (local.set $has
      (i32.and
        (i32.gt_u (local.get $at) (local.get $start))
        (i32.lt_u (local.get $at) (local.get $end))))
    (if (local.get $has)
      (then
        (call $hash (local.get $start) (local.get $at))
        (i32.store offset=8 (local.get $note) (global.get $high))
        (i32.store offset=12 (local.get $note) (global.get $low))))
    (i32.store offset=16 (local.get $note) (local.get $has))
    (i32.store offset=24 (local.get $note) (local.get $start))
    (i32.store offset=28 (local.get $note) (local.get $end))
    (call $hash (local.get $start) (local.get $end))
    (i32.store (local.get $note) (global.get $high))
    (i32.store offset=4 (local.get $note) (global.get $low)))

  ;; Enters the records that were looked through in their lists. Returns as
  ;; `take` does.
  (func $enterSeen (result i32)
    (local $at i32) (local $note i32) (local $flags i32) (local $offset i32)
    (local $start i32) (local $end i32) (local $typeEnd i32) (local $has i32)
    (block $done
      (loop $records
        (br_if $done (i32.eq (global.get $entered) (global.get $seen)))
        (local.set $at
          (i32.load offset=786432
            (i32.shl (global.get $entered) (i32.const 2))))
        ;; A mark may end a batch early: notes begin anew with each.
        (local.set $note
          (i32.add
            (i32.const 819200)
            (i32.shl
              (i32.sub (global.get $entered) (global.get $noted))
              (i32.const 6))))
        (global.set $entered (i32.add (global.get $entered) (i32.const 1)))
        (local.set $flags (i32.load8_u offset=88 (local.get $at)))
        (local.set $offset (i32.load offset=20 (local.get $note)))
        ;; A tombstone, flag 8, is in its stream without a number.
        (if (i32.eqz (i32.and (local.get $flags) (i32.const 8)))
          (then
            (if (i32.eqz
                (call $enter
                  (i32.const 0)
                  (i32.load (local.get $note))
                  (i32.load offset=4 (local.get $note))
                  (i32.load offset=24 (local.get $at))
                  (i32.load offset=28 (local.get $at))
                  (local.get $offset)))
              (then (return (i32.const 3))))))
        (local.set $start (i32.load offset=24 (local.get $note)))
        (local.set $end (i32.load offset=28 (local.get $note)))
        (local.set $typeEnd
          (i32.add
            (local.get $end)
            (i32.load16_u offset=82 (local.get $at))))
        ;; Names with "$" in front are of the system, and have their own rules.
        (if (i32.or
            (i32.eq (i32.load8_u (local.get $start)) (i32.const 0x24))
            (i32.and
              (i32.gt_u (local.get $typeEnd) (local.get $end))
              (i32.eq (i32.load8_u (local.get $end)) (i32.const 0x24))))
          (then
            (global.set $special (local.get $at))
            (global.set $specialOffset (local.get $offset))
            (return (i32.const 1))))
        (call $hash (local.get $end) (local.get $typeEnd))
        (if (i32.eqz
            (call $enter
              (i32.const 2)
              (global.get $high)
              (global.get $low)
              (i32.load offset=40 (local.get $at))
              (i32.load offset=44 (local.get $at))
              (local.get $offset)))
          (then (return (i32.const 3))))
        (local.set $has (i32.load offset=16 (local.get $note)))
        (if (i32.eqz
            (call $enterIf
              (local.get $has)
              (i32.const 1)
              (i32.load offset=8 (local.get $note))
              (i32.load offset=12 (local.get $note))
              (i32.add (local.get $at) (i32.const 32))
              (local.get $offset)))
          (then (return (i32.const 3))))
        (br_if $records
          (i32.eqz (i32.and (local.get $flags) (i32.const 4))))
        (if (i32.eqz
            (call $enterIf
              (i32.const 1)
              (i32.const 3)
              (global.get $emptyHigh)
              (global.get $emptyLow)
              (i32.add (local.get $at) (i32.const 92))
              (local.get $offset)))
          (then (return (i32.const 3))))
        (if (i32.eqz
            (call $enterIf
              (local.get $has)
              (i32.const 4)
              (i32.load offset=8 (local.get $note))
              (i32.load offset=12 (local.get $note))
              (i32.add (local.get $at) (i32.const 100))
              (local.get $offset)))
          (then (return (i32.const 3))))
        (br $records)))
    (global.set $noted (global.get $seen))
    (i32.const 0))

  ;; Enters a record in a list, or sees that it says that it is in none.
  (func $enterIf
    (param $isIn i32) (param $kind i32) (param $high i32) (param $low i32)
    (param $ordinalAt i32) (param $offset i32) (result i32)
    (if (i32.eqz (local.get $isIn))
      (then
        (return
          (i32.eq
            (i32.load offset=4 (local.get $ordinalAt))
            (i32.const -1)))))
    (call $enter
      (local.get $kind)
      (local.get $high)
      (local.get $low)
      (i32.load (local.get $ordinalAt))
      (i32.load offset=4 (local.get $ordinalAt))
      (local.get $offset)))

  ;; ----- Lists: hashes of names, the digest of entries, the table -----------

  ;; Hashes the bytes of a name: as `name_hash.ts`.
  (func $hash (param $start i32) (param $end i32)
    (local $high i32) (local $low i32) (local $word i32) (local $at i32)
    (local $wordsEnd i32)
    (local.set $high (i32.const 0x811c9dc5))
    (local.set $low (i32.const 0x12345678))
    (local.set $at (local.get $start))
    (local.set $wordsEnd
      (i32.add
        (local.get $start)
        (i32.and
          (i32.sub (local.get $end) (local.get $start))
          (i32.const -4))))
    (block $done
      (loop $words
        (br_if $done (i32.eq (local.get $at) (local.get $wordsEnd)))
        (local.set $word (i32.load (local.get $at)))
        (local.set $high
          (i32.mul
            (i32.xor (local.get $high) (local.get $word))
            (i32.const 0x85ebca6b)))
        (local.set $high
          (i32.xor
            (local.get $high)
            (i32.shr_u (local.get $high) (i32.const 15))))
        (local.set $low
          (i32.mul
            (i32.add (local.get $low) (local.get $word))
            (i32.const 0x9e3779b1)))
        (local.set $low
          (i32.xor
            (local.get $low)
            (i32.shr_u (local.get $low) (i32.const 13))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $words)))
    (local.set $word (i32.sub (local.get $end) (local.get $start)))
    (block $done
      (loop $bytes
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (local.set $word
          (i32.or
            (i32.shl (local.get $word) (i32.const 8))
            (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (local.set $high
      (i32.mul
        (i32.xor (local.get $high) (local.get $word))
        (i32.const 0x85ebca6b)))
    (local.set $low
      (i32.mul
        (i32.add (local.get $low) (local.get $word))
        (i32.const 0x9e3779b1)))
    (global.set $high
      (i32.xor
        (local.get $high)
        (i32.shr_u (local.get $high) (i32.const 15))))
    (global.set $low
      (i32.xor
        (local.get $low)
        (i32.shr_u (local.get $low) (i32.const 13)))))

  ;; Spreads 32 bits over each other.
  (func $mix (param $value i32) (result i32)
    (local.set $value
      (i32.mul
        (i32.xor
          (local.get $value)
          (i32.shr_u (local.get $value) (i32.const 16)))
        (i32.const 0x7feb352d)))
    (local.set $value
      (i32.mul
        (i32.xor
          (local.get $value)
          (i32.shr_u (local.get $value) (i32.const 15)))
        (i32.const 0x846ca68b)))
    (i32.xor
      (local.get $value)
      (i32.shr_u (local.get $value) (i32.const 16))))

  ;; Low half of a list's key; never 0, by which an empty slot is known.
  (func $keyOf (param $kind i32) (param $low i32) (result i32)
    (local $key i32)
    (local.set $key
      (call $mix
        (i32.add
          (local.get $low)
          (i32.mul
            (i32.add (local.get $kind) (i32.const 1))
            (i32.const 0x632be5ab)))))
    (select
      (local.get $key)
      (i32.const 1)
      (local.get $key)))

  ;; The first slot of keys with that high half: their order is that of slots.
  (func $slotOf (param $keyHigh i32) (result i32)
    (i32.add
      (global.get $lists)
      (i32.shl
        (i32.shr_u
          (local.get $keyHigh)
          (i32.sub (i32.const 32) (global.get $bits)))
        (i32.const 4))))

  ;; The slot of a key, or the empty one in which it would be.
  (func $slotFor (param $keyLow i32) (param $keyHigh i32) (result i32)
    (local $slot i32) (local $found i32) (local $end i32)
    (local.set $slot (call $slotOf (local.get $keyHigh)))
    (local.set $end
      (i32.add
        (global.get $lists)
        (i32.shl (i32.const 16) (global.get $bits))))
    (loop $slots
      (local.set $found (i32.load (local.get $slot)))
      (if (i32.eqz (local.get $found)) (then (return (local.get $slot))))
      (if (i32.eq (local.get $found) (local.get $keyLow))
        (then
          (if (i32.eq
              (i32.load offset=4 (local.get $slot))
              (local.get $keyHigh))
            (then (return (local.get $slot))))))
      (local.set $slot (i32.add (local.get $slot) (i32.const 16)))
      (if (i32.eq (local.get $slot) (local.get $end))
        (then (local.set $slot (global.get $lists))))
      (br $slots))
    (unreachable))

  ;; Adds an entry to the digest: as `entry_digest.ts`.
  (func $add
    (param $kind i32) (param $high i32) (param $low i32) (param $ordinal i32)
    (param $offset i32)
    (local $entry i32)
    (local.set $entry
      (call $mix
        (i32.add
          (i32.xor
            (i32.mul
              (i32.xor (local.get $offset) (local.get $high))
              (i32.const 0x85ebca6b))
            (local.get $kind))
          (i32.mul
            (i32.xor (local.get $ordinal) (local.get $low))
            (i32.const 0xc2b2ae35)))))
    (global.set $one (i32.add (global.get $one) (local.get $entry)))
    (global.set $two
      (i32.add
        (global.get $two)
        (i32.mul
          (i32.xor (local.get $entry) (local.get $low))
          (i32.or (local.get $entry) (i32.const 1)))))
    (global.set $entryCount
      (i32.add (global.get $entryCount) (i32.const 1))))

  ;; Adds so many entries of a list, of which the ordinals follow each other.
  ;; Those that are gone, 1, stand for nothing.
  (func $addAll (export "addAll")
    (param $kind i32) (param $high i32) (param $low i32) (param $ordinal i32)
    (param $at i32) (param $count i32)
    (local $end i32) (local $offset i32)
    (local.set $end
      (i32.add
        (local.get $at)
        (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $entries
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (local.set $offset (i32.load (local.get $at)))
        (if (i32.ne (local.get $offset) (i32.const 1))
          (then
            (call $add
              (local.get $kind)
              (local.get $high)
              (local.get $low)
              (local.get $ordinal)
              (local.get $offset))))
        (local.set $ordinal (i32.add (local.get $ordinal) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $entries))))

  ;; Adds the entries of slices of an index file (`index/index_file.ts`): of
  ;; those that are there whole and not sparse, `left` at most. Returns where
  ;; they end; `slices` says how many they were.
  (func (export "addSlices")
    (param $at i32) (param $end i32) (param $left i32) (result i32)
    (local $nameEnd i32) (local $count i32) (local $taken i32)
    (block $done
      (loop $slices
        (br_if $done (i32.eq (local.get $taken) (local.get $left)))
        (br_if $done
          (i32.lt_s
            (i32.sub (local.get $end) (local.get $at))
            (i32.const 52)))
        (br_if $done
          (i32.and
            (i32.load8_u offset=1 (local.get $at))
            (i32.const 2)))
        (local.set $nameEnd
          (i32.add
            (i32.add (local.get $at) (i32.const 4))
            (i32.load16_u offset=2 (local.get $at))))
        (br_if $done
          (i32.lt_s
            (i32.sub (local.get $end) (local.get $nameEnd))
            (i32.const 48)))
        (local.set $count (i32.load offset=8 (local.get $nameEnd)))
        (br_if $done
          (i32.gt_u
            (local.get $count)
            (i32.shr_u
              (i32.sub
                (i32.sub (local.get $end) (local.get $nameEnd))
                (i32.const 48))
              (i32.const 2))))
        (call $hash
          (i32.add (local.get $at) (i32.const 4))
          (local.get $nameEnd))
        (call $addAll
          (i32.load8_u (local.get $at))
          (global.get $high)
          (global.get $low)
          (i32.load (local.get $nameEnd))
          (i32.add (local.get $nameEnd) (i32.const 48))
          (local.get $count))
        (local.set $at
          (i32.add
            (i32.add (local.get $nameEnd) (i32.const 48))
            (i32.shl (local.get $count) (i32.const 2))))
        (local.set $taken (i32.add (local.get $taken) (i32.const 1)))
        (br $slices)))
    (global.set $slices (local.get $taken))
    (local.get $at))

  ;; Enters the next entry of a list, and adds it to the digest. Returns whether
  ;; it may be that: the first one here, or the next one.
  (func $enter (export "enter")
    (param $kind i32) (param $high i32) (param $low i32)
    (param $ordinal i32) (param $ordinalHigh i32) (param $offset i32)
    (result i32)
    (local $keyLow i32) (local $slot i32) (local $packed i32)
    (call $add
      (local.get $kind)
      (local.get $high)
      (local.get $low)
      (local.get $ordinal)
      (local.get $offset))
    ;; High halves from 32 on do not fit in a slot.
    (if (i32.gt_u (local.get $ordinalHigh) (i32.const 31))
      (then (return (i32.const 0))))
    (local.set $keyLow (call $keyOf (local.get $kind) (local.get $low)))
    (local.set $high (i32.xor (local.get $high) (local.get $keyLow)))
    (local.set $slot (call $slotFor (local.get $keyLow) (local.get $high)))
    (if (i32.eqz (i32.load (local.get $slot)))
      (then
        ;; It is to be full to 0.7 at most.
        (if (i32.ge_u
            (i32.mul (global.get $listCount) (i32.const 10))
            (i32.shl (i32.const 7) (global.get $bits)))
          (then
            (call $growTable)
            (local.set $slot
              (call $slotFor (local.get $keyLow) (local.get $high)))))
        (global.set $listCount
          (i32.add (global.get $listCount) (i32.const 1)))
        (i32.store (local.get $slot) (local.get $keyLow))
        (i32.store offset=4 (local.get $slot) (local.get $high))
        (i32.store offset=8 (local.get $slot) (local.get $ordinal))
        (i32.store offset=12
          (local.get $slot)
          (i32.or
            (i32.shl (local.get $ordinalHigh) (i32.const 27))
            (i32.shl (i32.eqz (local.get $kind)) (i32.const 26))))))
    (local.set $packed (i32.load offset=12 (local.get $slot)))
    (if (i32.or
        (i32.or
          (i32.ne
            (i32.load offset=8 (local.get $slot))
            (local.get $ordinal))
          (i32.ne
            (i32.shr_u (local.get $packed) (i32.const 27))
            (local.get $ordinalHigh)))
        (i32.eq (local.get $ordinal) (i32.const -1)))
      (then
        (return
          (call $enterRarely
            (local.get $slot)
            (i64.or
              (i64.extend_i32_u (local.get $ordinal))
              (i64.shl
                (i64.extend_i32_u (local.get $ordinalHigh))
                (i64.const 32)))))))
    (if (i32.eq
        (i32.and (local.get $packed) (i32.const 0x03ffffff))
        (i32.const 0x03ffffff))
      (then (return (i32.const 0))))
    (i32.store offset=8
      (local.get $slot)
      (i32.add (local.get $ordinal) (i32.const 1)))
    (i32.store offset=12
      (local.get $slot)
      (i32.add (local.get $packed) (i32.const 1)))
    (i32.const 1))

  ;; An ordinal that is not the next one, or that ends a low half.
  (func $enterRarely (param $slot i32) (param $ordinal i64) (result i32)
    (local $packed i32) (local $next i64) (local $count i64)
    (local.set $packed (i32.load offset=12 (local.get $slot)))
    (local.set $next
      (i64.or
        (i64.extend_i32_u (i32.load offset=8 (local.get $slot)))
        (i64.shl
          (i64.extend_i32_u (i32.shr_u (local.get $packed) (i32.const 27)))
          (i64.const 32))))
    (if (i64.ne (local.get $ordinal) (local.get $next))
      (then
        (if (i32.eqz (global.get $maySkip)) (then (return (i32.const 0))))
        (if (i64.lt_u (local.get $ordinal) (local.get $next))
          (then (return (i32.const 0))))))
    (local.set $count
      (i64.add
        (i64.extend_i32_u
          (i32.and (local.get $packed) (i32.const 0x03ffffff)))
        (i64.sub (local.get $ordinal) (local.get $next))))
    (if (i64.ge_u (local.get $count) (i64.const 0x03ffffff))
      (then (return (i32.const 0))))
    (local.set $ordinal (i64.add (local.get $ordinal) (i64.const 1)))
    (if (i64.ge_u (local.get $ordinal) (i64.const 0x2000000000))
      (then (return (i32.const 0))))
    (i32.store offset=8
      (local.get $slot)
      (i32.wrap_i64 (local.get $ordinal)))
    (i32.store offset=12
      (local.get $slot)
      (i32.or
        (i32.or
          (i32.shl
            (i32.wrap_i64
              (i64.shr_u (local.get $ordinal) (i64.const 32)))
            (i32.const 27))
          (i32.and (local.get $packed) (i32.const 0x04000000)))
        (i32.add
          (i32.wrap_i64 (local.get $count))
          (i32.const 1))))
    (i32.const 1))

  ;; Room for a table, which is empty.
  (func $makeTable (result i32)
    (local $table i32)
    (local.set $table
      (call $room (i32.shl (i32.const 16) (global.get $bits))))
    (memory.fill
      (local.get $table)
      (i32.const 0)
      (i32.shl (i32.const 16) (global.get $bits)))
    (local.get $table))

  (func $growTable
    (local $at i32) (local $end i32) (local $slot i32)
    (local.set $at (global.get $lists))
    (local.set $end
      (i32.add
        (local.get $at)
        (i32.shl (i32.const 16) (global.get $bits))))
    (global.set $bits (i32.add (global.get $bits) (i32.const 1)))
    (global.set $lists (call $makeTable))
    (loop $slots
      (if (i32.load (local.get $at))
        (then
          (local.set $slot
            (call $slotFor
              (i32.load (local.get $at))
              (i32.load offset=4 (local.get $at))))
          (i64.store (local.get $slot) (i64.load (local.get $at)))
          (i64.store offset=8
            (local.get $slot)
            (i64.load offset=8 (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $slots (i32.ne (local.get $at) (local.get $end))))))
