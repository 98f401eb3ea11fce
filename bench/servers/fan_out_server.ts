/**
 * What fanning out costs by itself: each POST's body is handed to every client
 * that has a GET open, as it is. Nothing is stored.
 *
 * Run: `bare_server.ts <port>`
 *
 * @module
 */

const [port] = Deno.args;

const controllers = new Set<ReadableStreamDefaultController<Uint8Array>>();

function openFeed(): Response {
  let own: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      own = controller;
      controllers.add(controller);
      controller.enqueue(new TextEncoder().encode("retry: 2000\n\n"));
    },
    cancel() {
      controllers.delete(own);
    },
  });
  return new Response(body, {
    headers: { "Content-Type": "text/event-stream" },
  });
}

async function fanOut(request: Request): Promise<Response> {
  const bytes = await request.bytes();
  for (const controller of controllers) controller.enqueue(bytes);
  return new Response(null, { status: 201 });
}

Deno.serve(
  { hostname: "127.0.0.1", port: Number(port), onListen() {} },
  (request) => request.method === "POST" ? fanOut(request) : openFeed(),
);
