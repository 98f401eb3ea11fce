/**
 * Bodies of handlers that take more than they may: loops, overflows, memory,
 * lengths that are claimed, floods of output.
 *
 * @module
 */

/** What is said where time ran out. */
export const TIMEOUT = /Timeout expired/;
const STACK = /stack overflow/;
const MEMORY = /out of memory|Timeout expired/;
const LENGTH = /too long|too large|too many|invalid string length|longer than/;

/** The body of a handler, and what the fault says. */
export const HOSTILE_HANDLERS: Readonly<
  Record<string, readonly [string, RegExp]>
> = {
  "endless loop": ["for(;;);", TIMEOUT],
  "endless loop in a try": ["try{for(;;);}catch(e){}finally{s.n=1}", TIMEOUT],
  "regular expression": ["/^(a+)+$/.test('a'.repeat(40)+'b')", TIMEOUT],
  "endless generator": [
    "for(const x of (function*(){for(;;) yield 1})());",
    TIMEOUT,
  ],
  "endless iterator": [
    "new Set({[Symbol.iterator]:()=>({next:Object})})",
    TIMEOUT,
  ],
  "endless promises": ["(async()=>{for(;;) await 1})()", TIMEOUT],
  "endless getter in the state": ["s.o={get x(){for(;;);}}", TIMEOUT],
  "endless toJSON": ["s.o={toJSON(){for(;;);}}", TIMEOUT],
  "endless comparison": ["[3,2,1].sort(()=>{for(;;);})", TIMEOUT],
  "endless text of what is thrown": ["throw {toString(){for(;;);}}", TIMEOUT],
  "recursion": ["(function f(){return 1+f()})()", STACK],
  "recursion through map": ["let f=()=>[1].map(f); f()", STACK],
  "recursion through toString": [
    "let p={toString(){return ''+p}}; ''+p",
    STACK,
  ],
  "recursion through a proxy": [
    "let q=new Proxy({},{get(t,k,r){return r[k]}}); q.x",
    STACK,
  ],
  "recursion through a getter": ["let o={get a(){return this.a}}; o.a", STACK],
  "recursion through a constructor": [
    "class A extends Array{constructor(){super();new A()}}; new A()",
    STACK,
  ],
  "recursion through JSON": [
    "JSON.stringify({toJSON(){return JSON.stringify(this)}})",
    STACK,
  ],
  "recursion of join": ["let a=[];a[0]=a; a.join()", STACK],
  "deep source": ["new Function('('.repeat(1e5))", STACK],
  "deep source of eval": ["eval('['.repeat(1e5))", STACK],
  "deep JSON": ["JSON.parse('['.repeat(1e6))", STACK],
  "deep state": ["let o={};for(let i=0;i<1e5;i++) o={o}; s.o=o", STACK],
  "many groups": ["new RegExp('('.repeat(1e5)+')'.repeat(1e5))", LENGTH],
  "memory": ["let a=[]; for(;;) a.push(new Array(1000).fill(1))", MEMORY],
  "memory that small pieces fill": [
    "let a=[]; for(;;) a.push(new ArrayBuffer(1e6))",
    /out of memory/,
  ],
  "memory that no catch gives back": [
    "globalThis.a=[]; for(;;) try{for(;;) a.push(new ArrayBuffer(1e6))}catch{}",
    MEMORY,
  ],
  "1 GB of bytes": ["new ArrayBuffer(1e9)", MEMORY],
  "1 GB array": ["new Array(1e9).fill(0)", LENGTH],
  "100 MB in the state": ["s.x='y'.repeat(1e8)", MEMORY],
  "a state that is too long": ["s.x='y'.repeat(2e6)", LENGTH],
  "a long text": ["'a'.repeat(2**30)", LENGTH],
  "a text that doubles": ["let z='x';for(;;) z+=z", LENGTH],
  "a large number": ["let x=3n; for(;;) x=x*x", LENGTH],
  "a claimed length": ["[].indexOf.call({length:2**53-1},1)", LENGTH],
  "a claimed length of a list": [
    "let a=[];a.length=2**32-1;a.includes(1)",
    LENGTH,
  ],
  "a claimed length of a part": [
    "let a=[];a.length=2**32-1;[].concat(a)",
    LENGTH,
  ],
  "a claimed length in depth": [
    "let a=[];a.length=2**32-1;[a].flat()",
    TIMEOUT,
  ],
  "a claimed length of a proxy": [
    "[].indexOf.call(new Proxy([],{get:()=>2**53}),1)",
    /take no proxies/,
  ],
  "a claimed length of a revocable proxy": [
    "[].indexOf.call(Proxy.revocable([],{get:()=>2**53}).proxy,1)",
    /take no proxies/,
  ],
  "an inherited length": [
    "[].indexOf.call(Object.create({length:2**53-1}),1)",
    /inherited length/,
  ],
  "a computed length": [
    "[].indexOf.call({get length(){return 2**53-1}},1)",
    /computed length/,
  ],
  "a length that is an object": [
    "[].indexOf.call({length:{valueOf:()=>2**53-1}},1)",
    /computed length/,
  ],
  "long JSON, again and again": [
    "let t=JSON.stringify('x'.repeat(1e6)); for(;;) JSON.parse(t)",
    TIMEOUT,
  ],
  "a long text, again and again": [
    "let t='ab,'.repeat(3e5); for(;;) t.split(',')",
    TIMEOUT,
  ],
  "a long text that is spread": [
    "let t='ab,'.repeat(1e5); for(;;) [...t]",
    TIMEOUT,
  ],
  "many elements, again and again": [
    "let a=new Array(1e6).fill(0); for(;;) a.includes(1)",
    TIMEOUT,
  ],
  "many numbers, again and again": [
    "let a=new Float64Array(1e6); for(;;) a.sort()",
    TIMEOUT,
  ],
  "a million events": [
    "for(let i=0;i<1e6;i++) try{emit('a','b',{})}catch{}",
    /More than 10000 events|Timeout/,
  ],
  "emitted bytes": [
    "for(let i=0;i<10;i++) emit('a','b','x'.repeat(1e6))",
    /characters are emitted/,
  ],
};

/** A query that counts two events, and then does what it must not. */
export function hostileQuery(body: string): string {
  return "let taken = 0; fromStream('a').when({$init:()=>({n:0}), " +
    `evt(s,e){if (taken++ < 2) { s.n++; return s }\n${body}\n}})`;
}
