/**
 * The software bill of materials: a CycloneDX 1.6 document of the packages that
 * a release is made of, and of the Deno that runs it.
 *
 * The same lock file gives the same bytes: there is no time and no serial
 * number in it.
 *
 * @module
 */

import type { LicensedPackage } from "./locked_packages.ts";
import { DENO_VERSION, NPM_NAME, REPOSITORY, VERSION } from "./project.ts";

/** A document by the schema of CycloneDX 1.6. */
export type Bom = Readonly<Record<string, unknown>>;

const DENO_REFERENCE = `pkg:github/denoland/deno@v${DENO_VERSION}`;

/**
 * Describes a release.
 *
 * @param packages All packages of the lock file.
 * @param direct Those that the program imports, as `name@version`.
 */
export function createBom(
  packages: readonly LicensedPackage[],
  direct: readonly string[],
): Bom {
  const root = purlOf(`${NPM_NAME}@${VERSION}`);
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": root,
        name: "quipu",
        version: VERSION,
        purl: root,
        licenses: [{ license: { id: "MIT" } }],
        externalReferences: [
          { type: "vcs", url: `https://github.com/${REPOSITORY}` },
        ],
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": DENO_REFERENCE,
        name: "deno",
        version: DENO_VERSION,
        purl: DENO_REFERENCE,
        licenses: [{ license: { id: "MIT" } }],
      },
      ...packages.map(componentOf),
    ],
    dependencies: [
      { ref: root, dependsOn: [DENO_REFERENCE, ...direct.map(purlOf)] },
      { ref: DENO_REFERENCE },
      ...packages.map(({ name, version, dependencies }) => ({
        ref: purlOf(`${name}@${version}`),
        dependsOn: dependencies.map(purlOf),
      })),
    ],
  };
}

function componentOf(
  { name, version, integrity, license }: LicensedPackage,
): Bom {
  const purl = purlOf(`${name}@${version}`);
  const [, digest = ""] = integrity.split("sha512-");
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    purl,
    hashes: [{ alg: "SHA-512", content: hexOf(digest) }],
    // An expression may also be a single identifier.
    licenses: [{ expression: license }],
  };
}

/** `@scope/name@1.2.3` as a package URL: `pkg:npm/%40scope/name@1.2.3`. */
function purlOf(id: string): string {
  return `pkg:npm/${id.replace(/^@/, "%40")}`;
}

function hexOf(base64: string): string {
  return Uint8Array.fromBase64(base64).toHex();
}
