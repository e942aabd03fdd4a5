import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../lib/index.ts'
import type { CassandraReadableOptions } from '../../../lib/options/readOptions.ts'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'

const least = { host: 'db1', keyspace: 'ks', table: 't' }

function refusal(options: Partial<CassandraReadableOptions>): OptionError {
  try {
    readSettingsOf({ ...least, ...options })
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error('Expected the options to be refused')
}

describe('shard', () => {
  it.each([
    ['0/1', { index: 0, count: 1 }],
    ['7/8', { index: 7, count: 8 }],
    ['99999/100000', { index: 99_999, count: 100_000 }],
  ])('%s is a part of the ring', (shard, expected) => {
    expect(readSettingsOf({ ...least, shard }).shard).toEqual(expected)
  })

  it.each(['8/8', '1/0', '0/0', '0/100001', '-1/8', '0.5/8', '1', '1/8/2', ' 1/8', '', '1/8\n'])(
    '%j is refused',
    shard => {
      expect(refusal({ shard })).toMatchObject({ code: 'ERR_CASSANDRA_OPTION', option: 'shard' })
    },
  )

  it('is the whole ring by default', () => {
    expect(readSettingsOf(least).shard).toBeUndefined()
  })
})

describe('names of properties for times', () => {
  it('have the defaults of docs/options.md, and are undefined without with_times', () => {
    expect(readSettingsOf({ ...least, with_times: 'true' }).times).toEqual({
      timestamp_column: 'write_time',
      ttl_column: 'ttl',
      operation_column: 'operation',
    })
    expect(readSettingsOf({ ...least, with_times: true, ttl_column: 'keep' }).times).toMatchObject({
      timestamp_column: 'write_time',
      ttl_column: 'keep',
    })
    expect(readSettingsOf(least).times).toBeUndefined()
  })

  it.each(['timestamp_column', 'ttl_column', 'operation_column'])(
    'include %s only with with_times',
    option => {
      expect(refusal({ [option]: 'x' })).toMatchObject({
        option,
        message: `Expected \`with_times\` to be true beside \`${option}\``,
      })
    },
  )

  it.each([
    [{ ttl_column: 'operation' }, 'operation_column', 'ttl_column'],
    [{ timestamp_column: 'ttl' }, 'ttl_column', 'timestamp_column'],
    [{ timestamp_column: 'x', operation_column: 'x' }, 'operation_column', 'timestamp_column'],
  ])('must be different: %j is refused', (given, option, owner) => {
    expect(refusal({ with_times: true, ...given })).toMatchObject({
      option,
      message: `Expected \`${option}\` to name another property than \`${owner}\` does`,
    })
  })
})
