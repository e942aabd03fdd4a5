import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, inject } from 'vitest'

interface RawConnection {
  readonly encoder: { decode: (bytes: unknown) => unknown }
}

/** A client that returns the bytes of every value as the server sends them. Call at the top of a spec file. */
export function useRawReader(): Client {
  const { host, port, localDataCenter } = inject('cassandra')
  const reader = new Client({
    contactPoints: [`${host}:${port}`],
    localDataCenter,
    pooling: { warmup: true },
    socketOptions: { readTimeout: 60_000 },
  })
  beforeAll(async () => {
    await reader.connect()
    for (const host of reader.hosts.values()) {
      const { connections } = (host as unknown as { pool: { connections: RawConnection[] } }).pool
      for (const { encoder } of connections) encoder.decode = bytes => bytes
    }
  })
  afterAll(() => reader.shutdown())
  return reader
}

/** All rows of a table as the bytes of their values, sorted. */
export async function bytesIn(reader: Client, table: string): Promise<string[]> {
  const options = { prepare: true, fetchSize: 100_000 }
  const { rows } = await reader.execute(`SELECT * FROM ${table}`, [], options)
  return rows
    .map(row =>
      row
        .values()
        .map(value => (value === null ? '-' : (value as Buffer).toString('hex')))
        .join(),
    )
    .sort()
}
