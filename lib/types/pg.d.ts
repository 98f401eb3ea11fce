// The npm package has no types of its own; these are those that are used.

declare module "pg" {
  export interface ClientConfig {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
    readonly password: string | undefined;
    readonly ssl:
      | false
      | {
        readonly rejectUnauthorized: boolean;
        readonly ca: string | undefined;
        readonly checkServerIdentity?: () => undefined;
      };
    readonly sslnegotiation: "postgres";
    readonly enableChannelBinding: boolean;
    readonly connectionTimeoutMillis: number;
    readonly keepAlive: boolean;
    readonly application_name: string;
    readonly types: {
      getTypeParser(oid: number): (text: string) => unknown;
    };
  }

  export interface QueryConfig {
    readonly text: string;
    readonly values: readonly unknown[];
    readonly rowMode: "array";
  }

  export class Client {
    constructor(config: ClientConfig);
    /** Of the server's process, as it said at the start. */
    readonly processID: number | null;
    /** The wire; `stream` is its socket. */
    readonly connection: {
      readonly stream: { destroy(error?: Error): void };
      on(
        event: "authenticationSASL",
        listener: (message: { readonly mechanisms: string[] }) => void,
      ): unknown;
      on(
        event:
          | "authenticationOk"
          | "authenticationCleartextPassword"
          | "authenticationMD5Password",
        listener: () => void,
      ): unknown;
    };
    connect(): Promise<unknown>;
    query(query: QueryConfig): Promise<{ rows: unknown[][] }>;
    query(text: string): Promise<unknown>;
    on(event: "error", listener: (error: Error) => void): this;
    on(event: "end", listener: () => void): this;
    on(
      event: "notification",
      listener: (message: { readonly payload?: string }) => void,
    ): this;
    end(): Promise<void>;
  }

  const pg: { readonly Client: typeof Client };
  export default pg;
}
