import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, inject } from 'vitest'

interface RawConnection {
  readonly encoder: { decode: (bytes: unknown) => unknown }
}

/** A client that gives the bytes of every value as the server sends them. Call at the top of a spec file. */
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
