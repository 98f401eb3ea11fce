/**
 * Something long on its way to a client: made piece by piece, only as fast as
 * the client takes it and as the server's other work allows, and given up when
 * the client takes nothing for a while or the server stops.
 *
 * @module
 */

/** What is sent. */
export interface StreamSource {
  /** The next bytes; undefined after the last ones. */
  next(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Called after each piece: rests now and then, for others to work. */
  pace(): Promise<void>;
}

/** An answer that was broken off; whoever sent it has logged why. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff";
}

/** How it ended. */
export type StreamEnd =
  /** All was taken. */
  | { readonly outcome: "done" }
  /** The client left. */
  | { readonly outcome: "cancelled" }
  /** The client took nothing for too long. */
  | { readonly outcome: "stalled" }
  /** The server stopped before all was taken. */
  | { readonly outcome: "stopped" }
  | { readonly outcome: "failed"; readonly error: unknown };

export interface PacedStreamOptions {
  readonly source: StreamSource;
  /** Time for a client to take a piece, in milliseconds. */
  readonly stallMs: number;
  /** Aborted when the server can wait no longer. */
  readonly stopping: AbortSignal;
  /** Called once; whatever the source needs can be let go of then. */
  readonly onEnd: (end: StreamEnd) => void;
}

/**
 * Makes the stream. What fails on the way breaks it off, so that the client
 * notices: an answer that is cut short is never taken for a whole one.
 */
export function pacedStream(
  { source, stallMs, stopping, onEnd }: PacedStreamOptions,
): ReadableStream<Uint8Array> {
  let isOpen = true;
  let stallTimer: ReturnType<typeof setTimeout> | undefined;
  let stop = () => {};
  const end = (how: StreamEnd): void => {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(stallTimer);
    stopping.removeEventListener("abort", stop);
    onEnd(how);
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      stop = () => {
        end({ outcome: "stopped" });
        controller.error(new BrokenOff("The server is stopping"));
      };
      stopping.addEventListener("abort", stop);
      watch(controller);
    },
    async pull(controller) {
      clearTimeout(stallTimer);
      try {
        const piece = await source.next();
        if (!isOpen) return;
        if (piece === undefined) {
          end({ outcome: "done" });
          controller.close();
          return;
        }
        await source.pace();
        if (!isOpen) return;
        watch(controller);
        controller.enqueue(piece);
      } catch (error) {
        if (!isOpen) return;
        end({ outcome: "failed", error });
        throw new BrokenOff("The answer was broken off", { cause: error });
      }
    },
    cancel() {
      end({ outcome: "cancelled" });
    },
  }, { highWaterMark: 0 });

  function watch(controller: ReadableStreamDefaultController): void {
    stallTimer = setTimeout(() => {
      end({ outcome: "stalled" });
      controller.error(new BrokenOff("The client takes nothing of its answer"));
    }, stallMs);
  }
}
