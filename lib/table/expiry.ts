import type { Client } from 'cassandra-driver'
import { readOptions } from './readOptions.ts'

/** 2038-01-19T03:14:06Z. Cassandra before 5, or in its compatibility mode, stores expiry times in 31 bits (CASSANDRA-14092). */
const LATEST_OF_31_BITS = 2 ** 31 - 2

const INVALID = 0x2200

/** Latest moment at which a row may expire, in seconds since 1970. Undefined if the server takes any or does not say. */
export async function readLatestExpiry(client: Client, timeout_ms: number): Promise<number | undefined> {
  const cql = "SELECT value FROM system_views.settings WHERE name = 'storage_compatibility_mode'"
  try {
    const { rows } = await client.execute(cql, [], { ...readOptions(timeout_ms), prepare: false })
    const mode = rows[0]?.['value']
    return mode === undefined || mode === 'CASSANDRA_4' ? LATEST_OF_31_BITS : undefined
  } catch (error) {
    // Cassandra 3 has no such table.
    return (error as { code?: unknown }).code === INVALID ? LATEST_OF_31_BITS : undefined
  }
}
