import type { Client } from 'cassandra-driver'

const definition = `(a int, b text, at timestamp, n bigint, tags set<text>, value text, s text static,
  PRIMARY KEY ((a, b), at, n)) WITH CLUSTERING ORDER BY (at DESC, n ASC)`

/** Creates two tables with the same definition. */
export async function createTables(
  client: Client,
  keyspace: string,
  tables: readonly string[],
): Promise<void> {
  for (const table of tables) await client.execute(`CREATE TABLE ${keyspace}.${table} ${definition}`)
}

/** Rows of partitions of very different sizes. Every third partition has only its static column. */
export function rowsOf(count: number): object[] {
  const rows: object[] = []
  for (let a = 0; rows.length < count; a++) {
    const key = { a, b: `part ${a}` }
    if (a % 3 === 0) rows.push({ ...key, s: `alone ${a}` })
    const size = a === 40 ? count / 4 : a % 3 === 0 ? 0 : a % 23
    for (let i = 0; i < size; i++) {
      const at = new Date(1_700_000_000_000 + (i % 50) * 1000)
      rows.push({ ...key, at, n: BigInt(i), tags: new Set([`t${i % 5}`, 'all']), value: `value ${a} ${i}` })
    }
  }
  return rows
}
