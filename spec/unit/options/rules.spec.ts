import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../lib/index.ts'
import { checkEach, optionRules } from '../../../lib/options/rules.ts'

/** What the options are refused with. */
function refusal(options: unknown): OptionError {
  try {
    checkEach(options)
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error(`Expected ${JSON.stringify(options)} to be refused`)
}

const limits = [
  ['port', 1, 65_535],
  ['concurrency', 1, 2048],
  ['rows_per_batch', 1, 1_000_000],
  ['flush_interval_ms', 0, 60_000],
  ['max_buffered_bytes', 65_536, Number.MAX_SAFE_INTEGER],
  ['max_row_bytes', 1, 268_435_456],
  ['ttl', 0, 630_720_000],
  ['request_timeout_ms', 1, 600_000],
  ['retry_timeout_ms', 0, 86_400_000],
  ['max_clock_skew_ms', 0, 86_400_000],
] as const

describe('an option that is a number', () => {
  it.each(limits)('%s is taken from %i to %i and refused beyond, with its limits', (name, from, to) => {
    for (const value of [from, to]) expect(checkEach({ [name]: value })).toEqual({ [name]: value })
    for (const value of [from - 1, to + 1]) {
      expect(refusal({ [name]: value })).toMatchObject({
        code: 'ERR_CASSANDRA_OPTION',
        option: name,
        message: `Expected \`${name}\` to be an integer from ${from} to ${to}, got \`${value}\``,
      })
    }
  })

  it.each([
    ['text', '100', "'100'"],
    ['a fraction', 1.5, '1.5'],
    ['NaN', Number.NaN, 'NaN'],
    ['infinite', Number.POSITIVE_INFINITY, 'Infinity'],
    ['a BigInt', 100n, '100n'],
    ['null', null, 'null'],
    ['true', true, 'true'],
  ])('is refused when it is %s', (_, value, shown) => {
    expect(refusal({ rows_per_batch: value }).message).toBe(
      `Expected \`rows_per_batch\` to be an integer from 1 to 1000000, got \`${shown}\``,
    )
  })
})

describe('an option that is a choice', () => {
  it.each(['local_quorum', 'Local_Quorum', 'EACH_QUORUM', 'one', 'All'])(
    'takes the consistency %s in any case',
    consistency => {
      expect(checkEach({ consistency })).toEqual({ consistency })
    },
  )

  it.each(['ANY', 'SERIAL', 'LOCAL_SERIAL', 'quorom', ''])(
    'refuses the consistency "%s" and names those there are',
    consistency => {
      expect(refusal({ consistency }).message).toBe(
        'Expected `consistency` to be one of ONE, TWO, THREE, QUORUM, ALL, LOCAL_QUORUM, EACH_QUORUM, LOCAL_ONE, ' +
          `got \`'${consistency}'\``,
      )
    },
  )

  it('refuses what is none of its words', () => {
    expect(refusal({ nulls: 'ignore' }).message).toBe(
      "Expected `nulls` to be one of write, unset, got `'ignore'`",
    )
    expect(refusal({ batch_by: 'token' }).message).toBe(
      "Expected `batch_by` to be one of replicas, partition, none, got `'token'`",
    )
    expect(refusal({ ssl_enabled: 'true' }).message).toBe(
      "Expected `ssl_enabled` to be true or false, got `'true'`",
    )
  })
})

describe('hosts', () => {
  it.each([['db1'], ['db1, db2,db3'], ['::1'], [['db1', 'db2']]])('are taken as %j', host => {
    expect(checkEach({ host })).toEqual({ host })
  })

  it.each([[''], [' '], ['db1,'], [',db1'], [[]], [['db1', '']], [[1]], [9042], [{}]])(
    'are refused as %j',
    host => {
      expect(refusal({ host })).toMatchObject({ code: 'ERR_CASSANDRA_OPTION', option: 'host' })
    },
  )
})

describe('an option that is an object', () => {
  it('is checked by its shape', () => {
    const { signal } = new AbortController()
    expect(checkEach({ signal })).toEqual({ signal })
    expect(refusal({ signal: {} }).message).toContain('to be an AbortSignal')
    expect(refusal({ client: {} }).message).toContain('to be a Client of cassandra-driver')
    expect(refusal({ client_options: 'x' }).message).toContain('to be an object of cassandra-driver')
  })
})

describe('a secret', () => {
  it.each([
    ['password', 42_4242],
    ['ssl_client_key', 42_4242],
    ['client', { secret: 42_4242 }],
    ['client_options', 42_4242],
  ])('in %s stands in no refusal', (name, value) => {
    const { message } = refusal({ [name]: value })
    expect(message).toContain(`got a value of type ${typeof value}`)
    expect(message).not.toContain('4242')
  })
})

describe('a name that is no option', () => {
  it.each([
    ['rowsPerBatch', 'rows_per_batch'],
    ['deleteFlagColumn', 'delete_flag_column'],
    ['SSL_CA_CERT', 'ssl_ca_cert'],
    ['hosts', 'host'],
    ['user_name', 'username'],
    ['consistancy', 'consistency'],
    ['concurency', 'concurrency'],
    ['flush_interval', 'flush_interval_ms'],
    ['ssl_ca', 'ssl_ca_cert'],
    ['keyspace_name', 'keyspace'],
    ['pass', 'password'],
  ])('%s is answered with %s', (name, near) => {
    expect(refusal({ [name]: 1 })).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION_UNKNOWN',
      option: name,
      message: `Unknown option \`${name}\`; did you mean \`${near}\`?`,
    })
  })

  it.each(['toString', '__proto__', 'constructor', 'fetch_size_in_frames'])(
    '%s is answered without a guess',
    name => {
      const options = Object.defineProperty({}, name, { value: 1, enumerable: true })
      expect(refusal(options).message).toBe(`Unknown option \`${name}\``)
    },
  )

  it('is answered with the option of which it misses or doubles a letter', () => {
    const known = fc.constantFrom(...Object.keys(optionRules).filter(name => name.length > 6))
    fc.assert(
      fc.property(known, fc.nat(), fc.boolean(), (name, place, doubled) => {
        const at = place % name.length
        const typo = name.slice(0, at) + (doubled ? name[at]?.repeat(2) : '') + name.slice(at + 1)
        fc.pre(!Object.hasOwn(optionRules, typo))
        expect(refusal({ [typo]: 1 }).message).toContain(`did you mean \`${name}\`?`)
      }),
    )
  })

  it('is refused even when its value is undefined', () => {
    expect(refusal({ rowsPerBatch: undefined }).code).toBe('ERR_CASSANDRA_OPTION_UNKNOWN')
  })
})

describe('options as a whole', () => {
  it.each([[undefined], [null], ['127.0.0.1'], [7]])('are refused when they are %s', options => {
    expect(refusal(options).message).toContain('Expected options to be an object')
  })

  it('count as not given where they are undefined', () => {
    expect(checkEach({ host: 'db1', port: undefined, password: undefined })).toEqual({ host: 'db1' })
  })
})
