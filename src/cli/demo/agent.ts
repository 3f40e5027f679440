import { Socket } from 'node:net';
import pg from 'pg';

export interface Login {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
}

/** What came back for one statement, values as the text that was on the wire. */
export interface Reply {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** Data of COPY TO STDOUT. */
  readonly copied: string;
  readonly error?: { readonly sqlstate: string; readonly message: string; readonly detail?: string; readonly hint?: string };
  /** Every byte that came over the connection meanwhile. */
  readonly bytes: Buffer;
}

const asText = { getTypeParser: () => String };

/** An agent with an ordinary client, which keeps each byte that it was sent. */
export class Agent {
  readonly #client: pg.Client;
  #received: Buffer[] = [];
  #copied: Buffer[] = [];

  private constructor(client: pg.Client, socket: Socket) {
    this.#client = client;
    socket.on('data', (bytes) => this.#received.push(bytes));
    // The client itself throws the data of a COPY away.
    client.connection.on('copyData', (message: { readonly chunk: Buffer }) => this.#copied.push(message.chunk));
    // A lost connection shows in the statement that waits, or in the next one.
    client.on('error', () => undefined);
  }

  /** Rejects with the server's error when it does not let the agent in. */
  static async connect(login: Login): Promise<Agent> {
    const socket = new Socket();
    const client = new pg.Client({ ...login, stream: () => socket, application_name: 'demo-agent' });
    const agent = new Agent(client, socket);
    await client.connect();
    return agent;
  }

  /** Of several statements in one text the last one's answer. With values the extended protocol is spoken. */
  async ask(text: string, values?: readonly string[]): Promise<Reply> {
    this.#received = [];
    this.#copied = [];
    try {
      const result = await this.#client.query<(string | null)[]>({ text, rowMode: 'array', types: asText, ...(values && { values: [...values] }) });
      const last = [result].flat().at(-1);
      return { ...this.#kept(), columns: last?.fields.map(({ name }) => name) ?? [], rows: last?.rows ?? [] };
    } catch (thrown) {
      if (!(thrown instanceof pg.DatabaseError)) throw thrown;
      const { code = '', message, detail, hint } = thrown;
      return { ...this.#kept(), columns: [], rows: [], error: { sqlstate: code, message, ...(detail !== undefined && { detail }), ...(hint !== undefined && { hint }) } };
    }
  }

  async end(): Promise<void> {
    await this.#client.end();
  }

  #kept(): Pick<Reply, 'copied' | 'bytes'> {
    return { copied: Buffer.concat(this.#copied).toString(), bytes: Buffer.concat(this.#received) };
  }
}
