// One reader in its own process, like a user's program: connects, reads all rows of a table, counts them, prints JSON.
/** @import { Reading } from './readers.ts' */

/** @type {Reading} */
const { access, keyspace, table, method } = JSON.parse(process.argv[2] ?? '')
const rows = await (method === 'ours' ? ours() : driverStream())
const { user, system } = process.cpuUsage()
const found = {
  rows,
  cpu_seconds: (user + system) / 1e6,
  peak_mib: process.resourceUsage().maxRSS / 1024,
}
process.stdout.write(`${JSON.stringify(found)}\n`)

async function ours() {
  const { createCassandraReadable } = await import('../dist/index.js')
  const { contactPoints, port } = access
  const host = contactPoints.map(point => point.replace(/:\d+$/, ''))
  return await countOf(createCassandraReadable({ host, port, keyspace, table }))
}

async function driverStream() {
  const { Client } = await import('cassandra-driver')
  const { contactPoints, localDataCenter, port } = access
  const client = new Client({ contactPoints: [...contactPoints], localDataCenter, protocolOptions: { port } })
  await client.connect()
  const options = { prepare: true, autoPage: true, fetchSize: 5000, readTimeout: 60_000 }
  const rows = await countOf(client.stream(`SELECT * FROM ${keyspace}.${table}`, [], options))
  await client.shutdown()
  return rows
}

/** @param {AsyncIterable<unknown>} source */
async function countOf(source) {
  let count = 0
  for await (const _ of source) count++
  return count
}
