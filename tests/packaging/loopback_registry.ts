/**
 * An npm registry on loopback that has one package, so that `npx` and Deno get
 * it as they would after a release. Everything else comes from the registry
 * that npm is configured with.
 *
 * @module
 */

import { join } from "@std/path";
import { NPM_NAME } from "../../packaging/project.ts";

/** A registry that serves while it is not disposed of. */
export interface LoopbackRegistry extends AsyncDisposable {
  /** Makes npm and Deno look here for the package, in this directory. */
  configure(directory: string): Promise<void>;
}

/**
 * Publishes a package.
 *
 * @param tarball What `npm pack` wrote.
 * @param packageFile Its `package.json`, parsed.
 */
export function serveRegistry(
  tarball: Uint8Array<ArrayBuffer>,
  packageFile: Readonly<Record<string, unknown>>,
): LoopbackRegistry {
  const version = String(packageFile["version"]);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async ({ url }) => {
      const { origin, pathname } = new URL(url);
      if (pathname === "/package.tgz") return new Response(tarball);
      if (decodeURIComponent(pathname) !== `/${NPM_NAME}`) {
        return new Response(null, { status: 404 });
      }
      const digest = await crypto.subtle.digest("SHA-512", tarball);
      const integrity = `sha512-${new Uint8Array(digest).toBase64()}`;
      const dist = { tarball: `${origin}/package.tgz`, integrity };
      return Response.json({
        name: NPM_NAME,
        "dist-tags": { latest: version },
        versions: { [version]: { ...packageFile, dist } },
      });
    },
  );
  return {
    configure: (directory) =>
      Deno.writeTextFile(
        join(directory, ".npmrc"),
        `${NPM_NAME.split("/")[0]}:registry=` +
          `http://127.0.0.1:${server.addr.port}/\n`,
      ),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
