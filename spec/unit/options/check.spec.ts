import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../lib/index.ts'
import { checkEach as check } from '../../../lib/options/check.ts'
import { epochEntries, writeEntries } from '../../../lib/options/entries.ts'
import { foreignNames, needlessNames } from '../../../lib/options/foreignNames.ts'
import { kafkaEntries, sharedKafkaEntries } from '../../../lib/options/kafkaEntries.ts'
import {
  connectionEntries,
  countEntries,
  followEntries,
  readEntries,
  sharedCountEntries,
} from '../../../lib/options/readEntries.ts'

const checkEach = (options: unknown) => check(options, writeEntries)

/** The error for these options. */
function refusal(options: unknown): OptionError {
  try {
    checkEach(options)
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error(`Expected ${JSON.stringify(options)} to be refused`)
}

function messageOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('Expected a refusal')
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
  it.each(limits)(
    '%s is accepted from %i to %i, and the error for other values has these limits',
    (name, from, to) => {
      for (const value of [from, to]) expect(checkEach({ [name]: value })).toEqual({ [name]: value })
      for (const value of [from - 1, to + 1]) {
        expect(refusal({ [name]: value })).toMatchObject({
          code: 'ERR_CASSANDRA_OPTION',
          option: name,
          message: `Expected \`${name}\` to be an integer from ${from} to ${to}, got \`${value}\``,
        })
      }
    },
  )

  it.each([
    ['text with a sign', '+100', "'+100'"],
    ['text with a leading zero', '0100', "'0100'"],
    ['text with white space', ' 100', "' 100'"],
    ['text with a carriage return', '100\r', "'100\\r'"],
    ['text with a byte order mark', '\uFEFF100', "'\\u{feff}100'"],
    ['text with an exponent', '1e2', "'1e2'"],
    ['hexadecimal text', '0x64', "'0x64'"],
    ['empty text', '', "''"],
    ['a fraction', 1.5, '1.5'],
    ['NaN', Number.NaN, 'NaN'],
    ['infinite', Number.POSITIVE_INFINITY, 'Infinity'],
    ['a BigInt', 100n, '100n'],
    ['null', null, 'null'],
    ['true', true, 'true'],
  ])('is refused if it is %s', (_, value, shown) => {
    expect(refusal({ rows_per_batch: value }).message).toBe(
      `Expected \`rows_per_batch\` to be an integer from 1 to 1000000, got \`${shown}\``,
    )
  })
})

describe('an option as text, as in environment variables and PyCassandra', () => {
  it.each(limits)('is the number %s if it has its digits', (name, from, to) => {
    for (const value of [from, to]) expect(checkEach({ [name]: String(value) })).toEqual({ [name]: value })
    expect(refusal({ [name]: String(to + 1) }).option).toBe(name)
  })

  it('is a number only in the canonical spelling', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.double().map(String),
      fc.mixedCase(fc.constant('0x1e3n_. +-')),
    )
    fc.assert(
      fc.property(texts, text => {
        const isTaken = /^[1-9]\d*$/.test(text) && Number(text) <= 2048
        if (isTaken) expect(checkEach({ concurrency: text })).toEqual({ concurrency: Number(text) })
        else expect(refusal({ concurrency: text }).option).toBe('concurrency')
      }),
    )
  })

  it.each(['ssl_enabled', 'ssl_verify'])('is the boolean %s if it is true or false', name => {
    for (const word of ['true', 'True', 'TRUE']) expect(checkEach({ [name]: word })).toEqual({ [name]: true })
    for (const word of ['false', 'False']) expect(checkEach({ [name]: word })).toEqual({ [name]: false })
    for (const word of ['', 'yes', '1', 'true ', 1, 0]) {
      expect(refusal({ [name]: word }).message).toMatch(/^Expected `ssl_\w+` to be true or false, got `/)
    }
  })

  it.each([
    [true, 'true'],
    [false, 'false'],
    [1, '1'],
    [0, '0'],
    ['D', 'D'],
  ])('is the delete flag if %j is given as a value', (given, text) => {
    expect(checkEach({ delete_flag_value: given })).toEqual({ delete_flag_value: text })
  })

  it.each([[''], [Number.NaN], [null], [{}], [['D']]])('is refused as a delete flag if it is %j', given => {
    expect(refusal({ delete_flag_value: given }).message).toContain('a non-empty string, a number, true or f')
  })
})

describe('an option that is a choice', () => {
  it.each(['local_quorum', 'Local_Quorum', 'EACH_QUORUM', 'one', 'All'])(
    'accepts the consistency %s in any case',
    consistency => {
      expect(checkEach({ consistency })).toEqual({ consistency: consistency.toUpperCase() })
    },
  )

  it.each(['ANY', 'SERIAL', 'LOCAL_SERIAL', 'quorom', ''])(
    'refuses the consistency "%s" and names the existing ones',
    consistency => {
      expect(refusal({ consistency }).message).toBe(
        'Expected `consistency` to be one of ONE, TWO, THREE, QUORUM, ALL, LOCAL_QUORUM, EACH_QUORUM, LOCAL_ONE, ' +
          `got \`'${consistency}'\``,
      )
    },
  )

  it('refuses any other word', () => {
    expect(refusal({ nulls: 'ignore' }).message).toBe(
      "Expected `nulls` to be one of write, unset, got `'ignore'`",
    )
    expect(refusal({ batch_by: 'token' }).message).toBe(
      "Expected `batch_by` to be one of replicas, partition, none, got `'token'`",
    )
  })
})

describe('hosts', () => {
  it.each([
    ['db1', ['db1'], []],
    ['db1, db2,db3', ['db1', 'db2', 'db3'], []],
    [' 127.0.0.1\r', ['127.0.0.1'], []],
    [[' 127.0.0.1', 'db2 '], ['127.0.0.1', 'db2'], []],
    ['db1:9043', ['db1'], [9043]],
    ['db1:9043,db2:9043', ['db1', 'db2'], [9043]],
    ['::1', ['::1'], []],
    ['[::1]', ['::1'], []],
    ['[::1]:9043', ['::1'], [9043]],
    ['fe80::1, [2001:db8::1]:1', ['fe80::1', '2001:db8::1'], [1]],
    [['müller.example', 'db_1.internal'], ['müller.example', 'db_1.internal'], []],
  ])('are accepted as %j', (host, names, ports) => {
    expect(checkEach({ host })).toEqual({ host: { names, ports } })
  })

  it.each([
    [''],
    [' '],
    ['db1,'],
    [',db1'],
    [[]],
    [['db1', '']],
    [['db1,db2']],
    [[1]],
    [9042],
    [{}],
    ['db1:'],
    ['db1:0'],
    ['db1:65536'],
    ['db1:9042:9043'],
    ['[db1]'],
    ['[]:9042'],
    ['[::1'],
    ['db1 db2'],
    ['http://db1'],
  ])('are refused as %j', host => {
    expect(refusal({ host })).toMatchObject({ code: 'ERR_CASSANDRA_OPTION', option: 'host' })
  })
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
  ])('in %s appears in no error', (name, value) => {
    const { message } = refusal({ [name]: value })
    expect(message).toContain(`got a value of type ${typeof value}`)
    expect(message).not.toContain('4242')
  })
})

describe('an object in place of an option', () => {
  const typed = Object.assign(new (class Login {})(), { pass: 'sesame' })
  it.each<[kind: string, value: object]>([
    ['an object', { host: 'db1', password: 'sesame' }],
    ['an object', { user: 'loader', pass: 'sesame' }],
    ['an object', { name: 'loader', secret: 'sesame' }],
    ['an object', { sesame: 'loader' }],
    ['an object', { nested: ['sesame'] }],
    ['an object', typed],
    ['an object', new Map([['loader', 'sesame']])],
    ['an object', Object.create(null, { x: { value: 'sesame', enumerable: true } }) as object],
    ['an object', new Proxy({ x: 'sesame' }, {})],
    ['an object', Buffer.from('sesame')],
    ['an object', new String('sesame')],
    ['an object', new Error('sesame')],
    ['an object', new URL('http://loader:sesame@db1/')],
    ['an array', ['db1', 'loader', 'sesame']],
    ['an array', [{ user: 'loader', pwd: 'sesame' }]],
    ['a function', function sesame() {}],
  ])('appears in an error as %s, without its content', (kind, value) => {
    for (const name of ['host', 'port', 'table', 'username', 'ssl_ca_cert', 'ttl', 'max_errors']) {
      if (name === 'host' && Array.isArray(value) && typeof value[0] === 'string') continue
      expect(refusal({ [name]: value }).message).toMatch(new RegExp(`, got ${kind}$`))
    }
  })
})

describe('a URL instead of an option', () => {
  it.each([
    ['cassandra://loader:sesame@db1:9042'],
    ['loader:sesame@db1'],
    [`cassandra://loader:sesame${'x'.repeat(100)}@db1`],
    [['cassandra://loader:sesame@db1', 'db2']],
    ['cassandra://db1/?password=sesame'],
    ['host=db1;pwd=sesame'],
    ['db1;user loader;pwd sesame'],
    ['db1 PASS sesame'],
    ['db1,secret:sesame,'],
    ['db1;credentials: loader/sesame'],
    ['db1;token sesame'],
    [Symbol('secret sesame')],
  ])('is refused, and the error does not show its password: %j', host => {
    expect(refusal({ host }).message).not.toContain('sesame')
    expect(refusal({ port: host }).message).not.toContain('sesame')
    expect(refusal(host).message).not.toContain('sesame')
  })
})

describe('an unknown option name', () => {
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
    ['contactPoints', 'host'],
    ['nodes', 'host'],
    ['localDataCenter', 'local_datacenter'],
    ['datacenter', 'local_datacenter'],
    ['user', 'username'],
    ['batch_size', 'rows_per_batch'],
    ['batchSize', 'rows_per_batch'],
    ['consistencyLevel', 'consistency'],
    ['rejectUnauthorized', 'ssl_verify'],
    ['spark.cassandra.connection.host', 'host'],
    ['spark.cassandra.output.batch.size.rows', 'rows_per_batch'],
    ['schema.queryTtl', 'ttl'],
    ['executor.maxInFlight', 'concurrency'],
    ['maxNumberOfRecordsInBatch', 'rows_per_batch'],
  ])('%s leads to an error that suggests %s', (name, near) => {
    expect(refusal({ [name]: 1 })).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION_UNKNOWN',
      option: name,
      message: `Unknown option \`${name}\`; did you mean \`${near}\`?`,
    })
  })

  it.each(['toString', '__proto__', 'constructor', 'fetch_size_in_frames'])(
    '%s leads to an error without a suggestion',
    name => {
      const options = Object.defineProperty({}, name, { value: 1, enumerable: true })
      expect(refusal(options).message).toBe(`Unknown option \`${name}\``)
    },
  )

  it.each([
    ['checkpoint_location', '`: it belongs to `createMicroBatchSink`'],
    ['fetch_size', '`: it belongs to `createCassandraReadable`'],
    ['topics', '`: it belongs to `runKafkaSink`'],
    ['checkpointLocation', '`; did you mean `checkpoint_location` of `createMicroBatchSink`?'],
    ['rowsPerEpoch', '`; did you mean `rows_per_epoch` of `createMicroBatchSink`?'],
    ['primary_key', "`: the primary key comes from the table's schema"],
    ['fetchSize', '`: a sink reads no rows'],
  ])('%s leads to an error that says where it belongs, or why it is not needed', (name, advice) => {
    expect(refusal({ [name]: 1 }).message).toBe(`Unknown option \`${name}${advice}`)
  })

  const takers = {
    createCassandraWritable: writeEntries,
    createMicroBatchSink: { ...writeEntries, ...epochEntries },
    createCassandraReadable: { ...connectionEntries, ...readEntries },
    countRows: { ...connectionEntries, ...sharedCountEntries, ...countEntries },
    follow: followEntries,
    runKafkaSink: { ...sharedKafkaEntries, ...kafkaEntries },
  }

  it.each<[keyof typeof takers, string, string]>([
    [
      'createCassandraWritable',
      'checkpoint',
      '; did you mean `checkpoint_location` of `createMicroBatchSink`?',
    ],
    ['createMicroBatchSink', 'checkpoint', '; did you mean `checkpoint_location`?'],
    ['createMicroBatchSink', 'checkpoint_dir', '; did you mean `checkpoint_location`?'],
    ['createMicroBatchSink', 'topics', ': it belongs to `runKafkaSink`'],
    ['createCassandraReadable', 'checkpoint', '; did you mean `checkpoint_location`?'],
    ['createCassandraReadable', 'batchSize', '; did you mean `fetch_size`?'],
    ['createCassandraReadable', 'pageSize', '; did you mean `fetch_size`?'],
    ['createCassandraReadable', 'fields', '; did you mean `columns`?'],
    ['createCassandraReadable', 'offset', '; did you mean `after`?'],
    ['createCassandraReadable', 'parallelism', '; did you mean `concurrency`?'],
    ['createCassandraReadable', 'timeout', '; did you mean `request_timeout_ms`?'],
    ['createCassandraReadable', 'rows_per_batch', ': it belongs to `createCassandraWritable`'],
    ['createCassandraReadable', 'rows_per_epoch', ': it belongs to `createMicroBatchSink`'],
    ['createCassandraReadable', 'lag_ms', ': it belongs to `follow` of `createCassandraReadable`'],
    ['createCassandraReadable', 'largest', ': it belongs to `countRows`'],
    ['createCassandraReadable', 'linger', ''],
    ['createCassandraReadable', 'objectMode', ''],
    ['createCassandraReadable', 'upsert', ''],
    ['createCassandraReadable', 'rowsPerEpoch', ''],
    ['countRows', 'batchSize', ''],
    ['countRows', 'checkpoint', ': it belongs to `runKafkaSink`'],
    ['countRows', 'fetch_size', ': it belongs to `createCassandraReadable`'],
    ['countRows', 'consistencyLevel', '; did you mean `consistency`?'],
    ['follow', 'interval', '; did you mean `interval_ms`?'],
    ['follow', 'host', ': it belongs to `createCassandraReadable`'],
    ['follow', 'timeout', ''],
    ['runKafkaSink', 'checkpoint_location', '; did you mean `checkpoint`?'],
    ['runKafkaSink', 'checkpointDir', '; did you mean `checkpoint`?'],
    ['runKafkaSink', 'epochSize', '; did you mean `rows_per_epoch`?'],
    ['runKafkaSink', 'position', ': it belongs to `createCassandraWritable`'],
    ['runKafkaSink', 'takeOver', ''],
    ['runKafkaSink', 'offset', '; did you mean `start`?'],
    ['runKafkaSink', 'batchSize', '; did you mean `rows_per_batch`?'],
  ])('of %s leads to advice for that function: %s', (taker, name, advice) => {
    expect(() => check({ [name]: 1 }, takers[taker])).toThrow(
      expect.objectContaining({ message: `Unknown option \`${name}\`${advice}` }),
    )
  })

  it.each(Object.entries(takers))(
    'of another tool leads %s to no option that it does not take',
    (_, known) => {
      for (const name of [...Object.keys(foreignNames), ...Object.keys(needlessNames)]) {
        const [, meant] = /did you mean `(\w+)`\?/.exec(messageOf(() => check({ [name]: 1 }, known))) ?? []
        if (meant !== undefined) expect(Object.keys(known)).toContain(meant)
      }
    },
  )

  it('leads to a suggestion of micro-batch options in a micro-batch sink', () => {
    const rules = { ...writeEntries, ...epochEntries }
    expect(check({ checkpoint_location: 'x' }, rules)).toEqual({ checkpoint_location: 'x' })
    expect(() => check({ checkpointLocation: 'x' }, rules)).toThrow(/did you mean `checkpoint_location`\?$/)
  })

  it('is shown with its invisible characters, up to a limited length', () => {
    expect(refusal({ '\uFEFFhost\r': 1 }).message).toContain('`\\u{feff}host\\u{d}`; did you mean `host`?')
    expect(refusal({ ['x'.repeat(1e6)]: 1 }).message.length).toBeLessThan(100)
  })

  it('of another tool leads to a suggestion that exists', () => {
    const known = Object.keys(Object.assign({}, ...Object.values(takers)))
    for (const [name, options] of Object.entries(foreignNames)) {
      expect(known).toEqual(expect.arrayContaining([options].flat()))
      expect({ ...writeEntries, ...epochEntries, ...readEntries }).not.toHaveProperty(name)
      expect(name).toMatch(/^[a-z\d]+$/)
    }
    for (const name of Object.keys(needlessNames)) {
      expect(name).toMatch(/^[a-z\d]+$/)
      const taken = [foreignNames[name] ?? []].flat()
      expect(taken.filter(each => Object.hasOwn({ ...writeEntries, ...epochEntries }, each))).toEqual([])
    }
  })

  it('with a missing or doubled letter leads to a suggestion of the right option', () => {
    const known = fc.constantFrom(...Object.keys(writeEntries).filter(name => name.length > 6))
    fc.assert(
      fc.property(known, fc.nat(), fc.boolean(), (name, place, doubled) => {
        const at = place % name.length
        const typo = name.slice(0, at) + (doubled ? name[at]?.repeat(2) : '') + name.slice(at + 1)
        fc.pre(!Object.hasOwn(writeEntries, typo))
        expect(refusal({ [typo]: 1 }).message).toContain(`did you mean \`${name}\`?`)
      }),
    )
  })

  it('is refused even if its value is undefined', () => {
    expect(refusal({ rowsPerBatch: undefined }).code).toBe('ERR_CASSANDRA_OPTION_UNKNOWN')
  })
})

describe('options as a whole', () => {
  it.each([[undefined], [null], ['127.0.0.1'], [7]])('are refused if they are %s', options => {
    expect(refusal(options).message).toContain('Expected options to be an object')
  })

  it('count as not given if their value is undefined', () => {
    expect(checkEach({ table: 't', port: undefined, password: undefined })).toEqual({ table: 't' })
  })
})
