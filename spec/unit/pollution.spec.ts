import { afterEach, describe, expect, it } from 'vitest'
import { RowError } from '../../lib/index.ts'
import { passedOptions } from '../../lib/options/clientOptions.ts'
import { epochSettingsOf, writeSettingsOf } from '../../lib/options/settings.ts'
import { byteLengthOf, valuesOf } from '../../lib/row/encodedRow.ts'
import { RowEncoder, type RowRules } from '../../lib/row/row.ts'
import { snapshotOf } from '../../lib/row/snapshot.ts'
import { parseCqlType } from '../../lib/table/cqlType.ts'
import type { Column, TableSchema } from '../../lib/table/schema.ts'

/** Names of inherited properties, or of properties that change the prototype. */
const inherited = ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty']

/** An object with an own property of this name, as JSON.parse creates it. */
const withOwn = (name: string, value: unknown): object => Object.fromEntries([[name, value]])

const least = { host: '127.0.0.1', keyspace: 'ks', table: 't' }

const before = Object.getOwnPropertyNames(Object.prototype)
afterEach(() => expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before))

describe.each(inherited)('an option named %s', name => {
  it('is unknown', () => {
    expect(() => writeSettingsOf({ ...least, ...withOwn(name, { ssl_verify: false }) })).toThrow(
      expect.objectContaining({ code: 'ERR_CASSANDRA_OPTION_UNKNOWN', option: name }),
    )
  })

  it('of the driver sets no other option, at any depth', () => {
    const value = { rejectUnauthorized: false, sslOptions: {}, host: 'elsewhere' }
    for (const own of [withOwn(name, value), { sslOptions: withOwn(name, value) }]) {
      const passed = passedOrRefused(own)
      for (const part of [passed, passed.sslOptions]) {
        if (part !== undefined) expect(Object.getPrototypeOf(part)).toBe(Object.prototype)
      }
      expect(passed.sslOptions ?? {}).not.toHaveProperty('rejectUnauthorized')
      expect(passed.sslOptions ?? {}).not.toHaveProperty('host')
    }
  })
})

/** The passed options. Undefined if the options are refused. */
function passedOrRefused(own: object): ReturnType<typeof passedOptions> {
  try {
    return passedOptions(own)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_OPTION' })
    return {}
  }
}

const cloud = { secureConnectBundle: 'bundle.zip' }
const login = { username: 'loader', password: 'x' }

/** Options of the driver that decide about other options, and settings that the decision would refuse or change. */
const deciding = [
  ['cloud', cloud, { ...least, ssl_enabled: true, ssl_ca_cert: 'ca.pem' }],
  ['authProvider', {}, { ...least, ...login }],
  ['sslOptions', { rejectUnauthorized: false }, { ...least, ssl_enabled: false }],
  ['cloud', cloud, { ...least, ...login }],
  ['sslOptions', {}, { ...least, ...login }],
] as const

describe.each(deciding)('an option %s of the driver on a prototype', (name, value, given) => {
  it('is ignored beside other options, as the driver ignores it', () => {
    const client_options = Object.create({ [name]: value }) as object
    expect(writeSettingsOf({ ...given, client_options })).toEqual({
      ...writeSettingsOf(given),
      client_options,
    })
  })
})

it('an option on the prototype of TLS options is ignored', () => {
  const wrong = { rejectUnauthorized: false, checkServerIdentity: () => undefined, ca: 'x' }
  const client_options = { sslOptions: Object.create(wrong) as object }
  expect(writeSettingsOf({ ...least, ssl_ca_cert: 'ca.pem', ssl_enabled: true, client_options }).tls).toEqual(
    {
      ca: 'ca.pem',
      cert: undefined,
      key: undefined,
      server_name: undefined,
      verify: true,
    },
  )
})

// Frozen prototypes cannot be polluted.
if (!Object.isFrozen(Object.prototype)) {
  describe('options of the driver on a polluted prototype', () => {
    it.each(deciding)('do not include %s', (name, value, given) => {
      Object.defineProperty(Object.prototype, name, { value, configurable: true })
      try {
        const isOn = 'ssl_enabled' in given && given.ssl_enabled
        for (const client_options of [undefined, {}])
          expect(writeSettingsOf({ ...given, client_options }).usesTls).toBe(isOn)
      } finally {
        Reflect.deleteProperty(Object.prototype, name)
      }
    })
  })

  describe('options on a polluted prototype', () => {
    it.each([
      ['ssl_verify', false],
      ['password', 'x'],
      ['client_options', {}],
      ['take_over', true],
      ['host', '192.0.2.1'],
      ['delete_flag_column', 'v'],
    ])('count as not given: %s', (name, value) => {
      const given = { keyspace: 'ks', table: 't', host: '127.0.0.1', checkpoint_location: '/tmp/x' }
      const clean = epochSettingsOf(given)
      Object.defineProperty(Object.prototype, name, { value, configurable: true })
      try {
        expect(epochSettingsOf(given)).toEqual(clean)
      } finally {
        Reflect.deleteProperty(Object.prototype, name)
      }
    })
  })
}

const rules: RowRules = {
  delete_flag: undefined,
  ttl: undefined,
  ttl_column: undefined,
  timestamp_column: undefined,
  nulls: 'write',
  max_row_bytes: 1_000_000,
}

const column = (name: string, kind: Column['kind'], cql = 'text'): Column => ({
  name,
  kind,
  cql,
  type: parseCqlType(cql, udt =>
    udt === 'thing' ? inherited.map(field => ({ name: field, type: 'text' })) : undefined,
  ),
})

function encoderOf(columns: readonly Column[], more: Partial<RowRules> = {}): RowEncoder {
  const table: TableSchema = { id: 'id', keyspace: 'ks', name: 't', columns: [...columns] }
  return new RowEncoder(table, { ...rules, ...more })
}

describe.each(inherited)('a column named %s', name => {
  const encoder = encoderOf([column('id', 'partition_key'), column(name, 'regular')])

  it('is written if a row has it as an own property', () => {
    const row = encoder.encode({ id: 'x', ...withOwn(name, 'value') }, 0)
    expect(valuesOf(row)).toContainEqual(Buffer.from('value'))
    expect(valuesOf(encoder.encode(snapshotOf({ id: 'x', ...withOwn(name, 'value') }), 0))).toEqual(
      valuesOf(row),
    )
  })

  it('is left alone if a row only inherits it', () => {
    expect(byteLengthOf(encoder.encode({ id: 'x' }, 0))).toBeLessThan(
      byteLengthOf(encoder.encode({ id: 'x', ...withOwn(name, 'value') }, 0)),
    )
  })

  it('counts as missing if it belongs to the key and a row only inherits it', () => {
    const keyed = encoderOf([column(name, 'partition_key'), column('v', 'regular')])
    expect(() => keyed.encode({ v: 'x' }, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_CASSANDRA_KEY_MISSING' }),
    )
  })

  it('is unknown if the table does not have it', () => {
    const other = encoderOf([column('id', 'partition_key'), column('v', 'regular')])
    expect(() => other.encode({ id: 'x', ...withOwn(name, { v: 'polluted' }) }, 0)).toThrow(RowError)
  })

  it('is ignored as a flag, time to live or write time if a row only inherits it', () => {
    const plain = { id: 'x' }
    const flagged = encoderOf([column('id', 'partition_key')], {
      delete_flag: { column: name, value: 'yes' },
    })
    expect(() => flagged.encode(plain, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_CASSANDRA_DELETE_FLAG_MISSING' }),
    )
    for (const option of ['ttl_column', 'timestamp_column'] as const) {
      const without = outcomeOf(encoderOf([column('id', 'partition_key')], { [option]: 'nothing' }), plain)
      expect(outcomeOf(encoderOf([column('id', 'partition_key')], { [option]: name }), plain)).toEqual(
        without,
      )
    }
  })

  it('is null as a field of a type if a value only inherits it', () => {
    const typed = encoderOf([column('id', 'partition_key'), column('u', 'regular', 'frozen<thing>')])
    const bytes = (u: object) => valuesOf(typed.encode({ id: 'x', u }, 0))
    expect(bytes(withOwn(name, 'value'))).not.toEqual(bytes({}))
    expect(bytes({})).toEqual(bytes(Object.create(null) as object))
  })
})

/** The bytes, or the code of the refusal. */
function outcomeOf(encoder: RowEncoder, row: object): unknown {
  try {
    return valuesOf(encoder.encode(row, 0))
  } catch (error) {
    return (error as RowError).code
  }
}
