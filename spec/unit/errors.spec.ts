import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as index from '../../lib/index.ts'

const root = resolve(import.meta.dirname, '../..')
const source = readFileSync(join(root, 'lib/errors.ts'), 'utf8')
const codes = [...new Set([...source.matchAll(/'(ERR_CASSANDRA_\w+)'/g)].map(([, code = '']) => code))]

/** Specs that raise errors, without this one and the one that compares the table of docs/errors.md. */
const specs = readdirSync(join(root, 'spec'), { recursive: true, encoding: 'utf8' })
  .filter(
    file => file.endsWith('.spec.ts') && file !== 'pagesTables.spec.ts' && !file.endsWith('errors.spec.ts'),
  )
  .map(file => readFileSync(join(root, 'spec', file), 'utf8'))

describe('an error', () => {
  it('has codes to check', () => {
    expect(codes.length).toBeGreaterThan(20)
    expect(specs.length).toBeGreaterThan(20)
  })

  it.each(codes)('%s is expected by a spec that raises it', code => {
    expect(specs.some(text => text.includes(`'${code}'`))).toBe(true)
  })

  it('has the name of its class, a code, and the base class of this package', () => {
    const errors = [
      new index.OptionError('ERR_CASSANDRA_OPTION', 'host', 'text'),
      new index.ConnectionError('ERR_CASSANDRA_AUTH', 'text', []),
      new index.SchemaError('ERR_CASSANDRA_TABLE_NOT_FOUND', 'text'),
      new index.RowError('ERR_CASSANDRA_VALUE', 'text', { row_index: 1, column: 'a' }),
      new index.WriteError('ERR_CASSANDRA_WRITE', 'text', { cause: new Error('why') }),
    ]
    for (const error of errors) {
      expect(error).toBeInstanceOf(index.CassandraStreamsError)
      expect(error).toBeInstanceOf(Error)
      expect(error.name).toBe(error.constructor.name)
      expect(String(error)).toBe(`${error.name}: text`)
      expect(error.counts).toBeUndefined()
    }
    expect(errors.at(-1)?.cause).toMatchObject({ message: 'why' })
  })
})
