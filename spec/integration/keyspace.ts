import { randomBytes } from 'node:crypto'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, inject } from 'vitest'
import { login } from '../canary/login.ts'

interface Target {
  readonly host: string
  readonly port: number
  readonly keyspace: string
  readonly username: string
  readonly password: string
}

/** A keyspace for one spec file, and a client to read it. */
export class Keyspace {
  readonly name: string
  readonly client: Client
  /** Options with which a sink reaches this keyspace. */
  readonly target: Target
  #tables = 0

  constructor(name: string) {
    const { host, port, localDataCenter } = inject('cassandra')
    this.name = name
    this.client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter,
      // On a busy machine, dropping a keyspace with many tables takes long.
      socketOptions: { readTimeout: 120_000 },
    })
    this.target = { host, port, keyspace: name, ...login }
  }

  /** Creates a table with the given columns and primary key. Returns its name. */
  async table(definition: string, properties?: string): Promise<string> {
    const table = `t${++this.#tables}`
    const how = properties === undefined ? '' : ` WITH ${properties}`
    await this.client.execute(`CREATE TABLE ${this.name}.${table} (${definition})${how}`)
    return table
  }

  async select(cql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = []
    for await (const row of await this.client.execute(cql, values, { prepare: true, fetchSize: 5000 })) {
      found.push({ ...row })
    }
    return found
  }
}

/** Call at the top of a spec file. The name gets a random suffix, because several runs may share a server. */
export function useKeyspace(name: string): Keyspace {
  const keyspace = new Keyspace(`${name}_${randomBytes(4).toString('hex')}`)
  beforeAll(() =>
    keyspace.client.execute(
      `CREATE KEYSPACE ${keyspace.name} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    ),
  )
  afterAll(async () => {
    await keyspace.client.execute(`DROP KEYSPACE ${keyspace.name}`)
    await keyspace.client.shutdown()
  })
  return keyspace
}
