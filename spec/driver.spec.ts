import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { version } from 'cassandra-driver'
import { expect, it } from 'vitest'

const { peerDependencies } = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../package.json'), 'utf8'),
) as { readonly peerDependencies: { readonly 'cassandra-driver': string } }

it(`runs with the ${process.env['DRIVER'] ?? 'newest'} driver`, () => {
  const lowest = peerDependencies['cassandra-driver'].replace('^', '')
  // The driver's types declare a number.
  const found = String(version)
  if (process.env['DRIVER'] === 'lowest') expect(found).toBe(lowest)
  else expect(found.localeCompare(lowest, 'en', { numeric: true })).toBe(1)
})
