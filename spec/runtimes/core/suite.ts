import { deepEqual } from 'node:assert/strict'
import { Client } from 'cassandra-driver'

/** The input of a runtime, as JSON in the variable RUNTIME_SPEC. */
export interface Surroundings {
  readonly plain: {
    readonly host: string
    readonly port: number
    readonly localDataCenter: string
    /** The server asks for no login and accepts any. */
    readonly username: string
    readonly password: string
  }
  readonly secure: {
    readonly host: string
    readonly port: number
    readonly localDataCenter: string
    readonly username: string
    readonly password: string
    readonly ca: string
    /** Certificate of an authority that signed no server's certificate. */
    readonly otherCa: string
  }
  /** Keyspace of this runtime. */
  readonly keyspace: string
  readonly seed: number
  readonly rows: number
}

/** The output of a runtime: one line of JSON per case. */
export interface Outcome {
  readonly suite: string
  readonly name: string
  readonly error?: string
}

/** Cases by name. A case fails by throwing. */
export type Suite = Readonly<Record<string, (keyspace: Keyspace) => Promise<void>>>

/** A keyspace that is dropped when the program ends, and a client to read it. */
export class Keyspace {
  readonly name: string
  readonly surroundings: Surroundings
  readonly client: Client
  /** Options with which a sink reaches this keyspace. */
  readonly target: Omit<Surroundings['plain'], 'localDataCenter'> & { readonly keyspace: string }
  #tables = 0

  private constructor(surroundings: Surroundings) {
    const { localDataCenter, ...target } = surroundings.plain
    const { host, port } = target
    this.surroundings = surroundings
    this.name = surroundings.keyspace
    // On a busy machine, Cassandra takes long to drop a keyspace.
    this.client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter,
      socketOptions: { readTimeout: 60_000 },
    })
    this.target = { ...target, keyspace: this.name }
  }

  static async create(): Promise<Keyspace> {
    const surroundings: Surroundings = JSON.parse(process.env['RUNTIME_SPEC'] ?? '')
    const keyspace = new Keyspace(surroundings)
    await keyspace.client.execute(
      `CREATE KEYSPACE IF NOT EXISTS ${keyspace.name} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    )
    return keyspace
  }

  async drop(): Promise<void> {
    await this.client.execute(`DROP KEYSPACE ${this.name}`)
    await this.client.shutdown()
  }

  /** Creates a table with the given columns and primary key. Returns its name. */
  async table(definition: string): Promise<string> {
    const table = `t${++this.#tables}`
    await this.client.execute(`CREATE TABLE ${this.name}.${table} (${definition})`)
    return table
  }

  /** All rows of a table. */
  async all(table: string, columns = '*'): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = []
    const query = `SELECT ${columns} FROM ${this.name}.${table}`
    for await (const row of await this.client.execute(query, [], { prepare: true, fetchSize: 1000 })) {
      found.push({ ...row })
    }
    return found
  }
}

/** Same as `deepEqual` for many rows, but prints only the first difference. */
export function sameRows(found: readonly unknown[], expected: readonly unknown[]): void {
  for (const [i, row] of expected.entries()) deepEqual(found[i], row)
  deepEqual(found.length, expected.length)
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('Expected a rejection')
}
