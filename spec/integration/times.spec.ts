import { randomInt } from 'node:crypto'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { types } from 'cassandra-driver'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  type CassandraReadableOptions,
  type CassandraWritableOptions,
  createCassandraReadable,
  createCassandraReadableStream,
  createCassandraWritable,
  createCassandraWritableStream,
  createMicroBatchSink,
} from '../../lib/index.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'
import { useRawReader } from './rawReader.ts'

const ks = useKeyspace('times_spec')
const rawReader = useRawReader()
const checkpoints = useCheckpoints()

/** `TIMES_SEED=…` repeats the same histories. */
const seed = Number(process.env['TIMES_SEED'] ?? randomInt(2 ** 31))

const definition =
  'p int, c int, st int static, ss set<int> static, v int, t text, s set<int>, m map<text, int>, l list<int>, ' +
  'u pair, fs frozen<set<int>>, fu frozen<pair>, PRIMARY KEY (p, c)'
const cells = ['st', 'ss', 'v', 't', 's', 'm', 'l', 'u', 'fs', 'fu']

const controls = {
  timestamp_column: 'write_time',
  ttl_column: 'ttl',
  operation_column: 'operation',
} as const

beforeAll(() => ks.client.execute(`CREATE TYPE ${ks.name}.pair (a int, b text, c int)`))

const reading = (table: string, more: Partial<CassandraReadableOptions> = {}) =>
  createCassandraReadable({ ...ks.target, table, with_times: true, ...more })

const writing = (table: string, more: Partial<CassandraWritableOptions> = {}) =>
  createCassandraWritable({ ...ks.target, table, ...controls, allow_any_timestamp: true, ...more })

const copied = (from: string, to: string) => pipeline(reading(from), writing(to))

/** Times to live that are so far apart that a run cannot turn one into another. */
const lives = [0, 10_000, 20_000, 30_000]

/** Longest time of a run in seconds. */
const RUN_S = 3_000

/** The value of `lives` that a remaining time to live comes from. 0 for null. */
function lifeOf(ttl: number | null): number {
  if (ttl === null) return 0
  return lives.find(life => life > 0 && ttl <= life && ttl > life - RUN_S) ?? ttl
}

interface Cell {
  readonly value: string
  readonly times: readonly (string | null)[]
  readonly lives: readonly number[]
}

function itemsIn(bytes: Buffer | null): (Buffer | null)[] {
  if (bytes === null) return []
  const items: (Buffer | null)[] = []
  for (let i = 0, at = 4; i < bytes.readInt32BE(0); i++) {
    const size = bytes.readInt32BE(at)
    items.push(size < 0 ? null : bytes.subarray(at + 4, at + 4 + size))
    at += 4 + Math.max(0, size)
  }
  return items
}

/** Each row with its cells, their write times, and their original times to live. */
async function contentOf(table: string): Promise<Map<string, Record<string, Cell>>> {
  const selectors = cells.map(name => `${name}, WRITETIME(${name}), TTL(${name})`)
  const { rows, columns } = await rawReader.execute(
    `SELECT p, c, ${selectors.join(', ')} FROM ${ks.name}.${table}`,
    [],
    { prepare: true, fetchSize: 10_000 },
  )
  const found = new Map<string, Record<string, Cell>>()
  for (const row of rows) {
    const values = row.values() as (Buffer | null)[]
    const own: Record<string, Cell> = {}
    for (const [i, name] of cells.entries()) {
      const [value, times, ttls] = values.slice(2 + 3 * i, 5 + 3 * i) as (Buffer | null)[]
      if (value === null || value === undefined) continue
      const isList = columns[3 + 3 * i]?.type.code === types.dataTypes.list
      const ofEach = (bytes: Buffer | null = null) => (isList ? itemsIn(bytes) : [bytes])
      own[name] = {
        value: value.toString('hex'),
        times: ofEach(times).map(time => time && String(time.readBigInt64BE())),
        lives: ofEach(ttls).map(ttl => lifeOf(ttl?.readInt32BE() ?? null)),
      }
    }
    found.set(`${values[0]?.readInt32BE()}/${values[1]?.readInt32BE() ?? 'statics'}`, own)
  }
  return found
}

/** The expected copy, in which all elements of a list have one time. */
function asCopied(content: Map<string, Record<string, Cell>>): Map<string, Record<string, Cell>> {
  const rows = [...content].map(([key, row]): [string, Record<string, Cell>] => {
    if (row['l'] === undefined) return [key, row]
    const { value, times, lives } = row['l']
    const newest = times.reduce((most, time) => (BigInt(time ?? 0) > BigInt(most ?? 0) ? time : most))
    const longest = lives.includes(0) ? 0 : Math.max(...lives)
    const list = { value, times: times.map(() => newest), lives: lives.map(() => longest) }
    return [key, { ...row, l: list }]
  })
  return new Map(rows)
}

function withoutLists(content: Map<string, Record<string, Cell>>): Map<string, Record<string, Cell>> {
  return new Map([...content].map(([key, { l: _, ...row }]) => [key, row]))
}

/** A random statement of another client. */
function statementOf(table: string, random: () => number): string {
  const below = (limit: number) => integerBelow(limit, random)
  const oneOf = <T>(...values: T[]) => values[below(values.length)] as T
  const numbers = () => Array.from({ length: 1 + below(4) }, () => below(6))
  const set = () => `{${[...new Set(numbers())].join(', ')}}`
  const map = () => `{${[...new Set(numbers())].map(key => `'k${key}': ${below(9)}`).join(', ')}}`
  const pair = () => oneOf('{a: 1}', "{b: 'x', c: 2}", "{a: 3, b: 'y', c: 4}")
  const time = 1_500_000_000_000_000 + below(40)
  const ttl = oneOf('', ` AND TTL ${oneOf(...lives)}`)
  const using = `USING TIMESTAMP ${time}`
  const key = `p = ${below(8)} AND c = ${below(4)}`
  const values: Record<string, () => string> = {
    st: () => String(below(9)),
    ss: set,
    v: () => String(below(9)),
    t: () => `'${below(9)}'`,
    s: set,
    m: map,
    l: () => `[${numbers().join(', ')}]`,
    u: pair,
    fs: set,
    fu: pair,
  }
  const some = cells.filter(() => random() < 0.35)
  switch (below(10)) {
    case 0:
    case 1:
    case 2: {
      const given = some.map(name => oneOf<() => string>(values[name] as () => string, () => 'null')())
      return `INSERT INTO ${ks.name}.${table} (${['p', 'c', ...some].join(', ')}) VALUES (${[below(8), below(4), ...given].join(', ')}) ${using}${ttl}`
    }
    case 3:
    case 4:
    case 5: {
      // An UPDATE of static columns only has no clustering key.
      const names = new Set([oneOf('v', 't', 's', 'm', 'l', 'u', 'fs', 'fu'), ...some])
      const parts = [...names].map(name => `${name} = ${(values[name] as () => string)()}`)
      return `UPDATE ${ks.name}.${table} ${using}${ttl} SET ${parts.join(', ')} WHERE ${key}`
    }
    case 6:
    case 7: {
      const more = [
        `s = s + ${set()}`,
        `m = m + ${map()}`,
        `l = l + [${below(9)}]`,
        `u.${oneOf('a = 7', "b = 'z'", 'c = 8')}`,
        `ss = ss + ${set()}`,
      ].filter(() => random() < 0.5)
      return `UPDATE ${ks.name}.${table} ${using}${ttl} SET ${[...more, 'v = 5'].join(', ')} WHERE ${key}`
    }
    case 8:
      return `DELETE ${oneOf('v', 't', 's', 'm', 'u.a', "m['k1']")} FROM ${ks.name}.${table} ${using} WHERE ${key}`
    default:
      return oneOf(
        `UPDATE ${ks.name}.${table} ${using}${ttl} SET st = ${below(9)} WHERE p = ${below(12)}`,
        `UPDATE ${ks.name}.${table} ${using}${ttl} SET ss = ss + ${set()} WHERE p = ${below(12)}`,
        `DELETE FROM ${ks.name}.${table} ${using} WHERE ${key}`,
      )
  }
}

describe(`a copy of a table with a random past (TIMES_SEED=${seed})`, () => {
  it.for([0, 1, 2, 3])(
    'has the same values, write times and times to live, cell by cell: past $0',
    { timeout: 120_000 },
    async past => {
      const random = randomFrom(seed + past)
      const properties = past % 2 === 0 ? undefined : `default_time_to_live = ${lives[2]}`
      const [from, to] = [await ks.table(definition, properties), await ks.table(definition, properties)]
      for (let i = 0; i < 150; i++) await ks.client.execute(statementOf(from, random))
      await copied(from, to)
      const wanted = asCopied(await contentOf(from))
      expect(wanted.size).toBeGreaterThan(10)
      expect(await contentOf(to)).toEqual(wanted)
      // Copies again into the same table, without lists, which two writes with the same time double (CASSANDRA-11368).
      await copied(from, to)
      expect(withoutLists(await contentOf(to))).toEqual(withoutLists(wanted))
    },
  )
})

/** Sorted by key. The parts of a row keep their order. */
const byKey = (rows: readonly Record<string, unknown>[]) =>
  rows.toSorted((a, b) => Number(a['p']) - Number(b['p']))

describe('the parts of a row', () => {
  it('come one after the other, oldest first, and have only their cells', async () => {
    const table = await ks.table(definition)
    const run = (cql: string) => ks.client.execute(cql.replace('TABLE', `${ks.name}.${table}`))
    await run(
      "INSERT INTO TABLE (p, c, v, t, s, m, st) VALUES (1, 1, 1, 'x', {1, 2}, {'a': 1}, 5) USING TIMESTAMP 10",
    )
    await run('UPDATE TABLE USING TIMESTAMP 20 SET v = 2, s = s + {3}, u.a = 1 WHERE p = 1 AND c = 1')
    await run('UPDATE TABLE USING TIMESTAMP 30 SET t = null, u.c = 3 WHERE p = 1 AND c = 1')
    await run('INSERT INTO TABLE (p, c, v) VALUES (1, 2, 1) USING TIMESTAMP 10')
    const of = (c: number, write_time: bigint, operation: string, values: object) => ({
      p: 1,
      c,
      ...values,
      write_time,
      ttl: 0,
      operation,
    })
    expect(await reading(table).toArray()).toEqual([
      { p: 1, st: 5, write_time: 10n, ttl: 0, operation: 'update' },
      of(1, 10n, 'insert', { s: new Set([1, 2]), m: new Map([['a', 1]]) }),
      of(1, 20n, 'append', { v: 2, s: new Set([3]), u: { a: 1 } }),
      of(1, 30n, 'append', { u: { c: 3 } }),
      of(2, 10n, 'insert', { v: 1 }),
    ])
  })

  it('have static columns once per partition, for pages of any size', async () => {
    const table = await ks.table(definition)
    for (let p = 0; p < 4; p++) {
      await ks.client.execute(`UPDATE ${ks.name}.${table} SET st = ${p}, ss = {1} WHERE p = ${p}`)
      for (let c = 0; c < 9 * p; c++)
        await ks.client.execute(`INSERT INTO ${ks.name}.${table} (p, c, v) VALUES (${p}, ${c}, 1)`)
    }
    for (const fetch_size of [1, 4, 5000]) {
      const parts = await reading(table, { fetch_size }).toArray()
      const statics = parts.filter(part => !('c' in part))
      expect(byKey(statics).map(({ p, st, ss, operation }) => [p, st, ss, operation])).toEqual(
        Array.from({ length: 4 }, (_, p) => [p, p, new Set([1]), 'append']),
      )
      expect(parts.length - statics.length).toBe(9 + 18 + 27)
    }
  })

  it('have a static list once, so that a copy does not double it, for partitions that many pages share', async () => {
    const own = 'p int, c int, l list<int> static, PRIMARY KEY (p, c)'
    const [from, to] = [await ks.table(own), await ks.table(own)]
    await pipeline(async function* () {
      for (let p = 0; p < 60; p++) {
        yield { p, l: [p, p + 1], write_time: 9, ttl: 0, operation: 'update' }
        for (let c = 0; c < 70; c++) yield { p, c, write_time: 9, ttl: 0, operation: 'insert' }
      }
    }, writing(from))
    await pipeline(reading(from, { fetch_size: 7, concurrency: 4 }), writing(to))
    const lists = await ks.select(`SELECT DISTINCT p, l FROM ${ks.name}.${to}`)
    expect(byKey(lists)).toEqual(Array.from({ length: 60 }, (_, p) => ({ p, l: [p, p + 1] })))
    expect(await ks.select(`SELECT count(*) AS n FROM ${ks.name}.${to}`)).toMatchObject([
      { n: { low: 4200 } },
    ])
  })

  it('have property names that can be set on both sides', async () => {
    const own = 'p int PRIMARY KEY, write_time int, ttl int, operation text'
    const [from, to] = [await ks.table(own), await ks.table(own)]
    await ks.client.execute(
      `INSERT INTO ${ks.name}.${from} (p, write_time, ttl, operation) VALUES (1, 2, 3, 'x') USING TIMESTAMP 99 AND TTL 5000`,
    )
    const names = {
      timestamp_column: 'at',
      ttl_column: '__proto__',
      operation_column: 'constructor',
    } as const
    await pipeline(reading(from, names), writing(to, names))
    const [row] = await ks.select(
      `SELECT p, write_time, ttl, operation, writetime(ttl) AS at, ttl(ttl) AS keep FROM ${ks.name}.${to}`,
    )
    expect(row).toMatchObject({ p: 1, write_time: 2, ttl: 3, operation: 'x' })
    expect(String(row?.['at'])).toBe('99')
    expect(Number(row?.['keep'])).toBeGreaterThan(4000)
  })

  it('always have the key, and the other columns that `columns` names', async () => {
    const table = await ks.table(definition)
    await ks.client.execute(
      `INSERT INTO ${ks.name}.${table} (p, c, v, t) VALUES (1, 2, 3, 'x') USING TIMESTAMP 9`,
    )
    const wanted = [{ p: 1, c: 2, t: 'x', write_time: 9n, ttl: 0, operation: 'insert' }]
    expect(await reading(table, { columns: 't' }).toArray()).toEqual(wanted)
    expect(await reading(table, { columns: ['t', 'c'], where: 'p = 1' }).toArray()).toEqual(wanted)
  })

  it('are one per element for a map with another write time per element, and the copy is the same', async () => {
    const own = 'p int PRIMARY KEY, m map<int, text>'
    const [from, to] = [await ks.table(own), await ks.table(own)]
    const count = 3000
    await pipeline(async function* () {
      for (let i = 0; i < count; i++)
        yield { p: 1, m: { [i]: `v${i}` }, write_time: 1000 + i, ttl: 0, operation: 'append' }
    }, writing(from))
    const parts = await reading(from).toArray()
    expect(parts.map(({ write_time }) => write_time)).toEqual(
      Array.from({ length: count }, (_, i) => BigInt(1000 + i)),
    )
    await copied(from, to)
    const bytesOf = async (table: string) => {
      const { rows } = await rawReader.execute(`SELECT m, writetime(m) AS w FROM ${ks.name}.${table}`)
      return rows.map(row => (row.values() as Buffer[]).map(bytes => bytes.toString('hex')))
    }
    expect(await bytesOf(to)).toEqual(await bytesOf(from))
  })
})

describe('a copy', () => {
  const own = 'p int, c int, v int, s set<int>, PRIMARY KEY (p, c)'

  async function filled(): Promise<string> {
    const table = await ks.table(own)
    const rows = Array.from({ length: 500 }, (_, i) => [
      {
        p: i % 7,
        c: i,
        v: i,
        s: [1],
        write_time: 1000 + i,
        ttl: i % 3 === 0 ? 5000 : 0,
        operation: 'insert',
      },
      { p: i % 7, c: i, s: [2], write_time: 9000 + i, ttl: 0, operation: 'append' },
    ])
    await pipeline(rows.flat(), writing(table))
    return table
  }

  async function timesOf(table: string): Promise<string[]> {
    const { rows } = await rawReader.execute(
      `SELECT p, c, v, s, writetime(v), writetime(s) FROM ${ks.name}.${table}`,
      [],
      { prepare: true, fetchSize: 5000 },
    )
    return rows
      .map(row => (row.values() as (Buffer | null)[]).map(value => value?.toString('hex')).join())
      .sort()
  }

  it('works with web streams', async () => {
    const [from, to] = [await filled(), await ks.table(own)]
    await createCassandraReadableStream({ ...ks.target, table: from, with_times: true }).pipeTo(
      createCassandraWritableStream({ ...ks.target, table: to, ...controls, allow_any_timestamp: true }),
    )
    expect(await timesOf(to)).toEqual(await timesOf(from))
  })

  it('continues after any part of any row', async () => {
    const table = await ks.table(
      'p int, c int, st int STATIC, v int, w int, l list<int>, s set<int>, PRIMARY KEY (p, c)',
    )
    const at = (write_time: number, row: object, ttl = 0) => ({
      ...row,
      write_time,
      ttl,
      operation: 'update',
    })
    await pipeline(
      [1, 2].flatMap(p => [
        at(2_000, { p, st: 1 }),
        ...[1, 2].flatMap(c => [
          at(1_000, { p, c, v: 1 }),
          at(1_000, { p, c, w: 1 }, 20_000),
          at(1_000, { p, c, l: [1] }),
          at(3_000, { p, c, s: [1] }),
        ]),
      ]),
      writing(table),
    )
    const source = reading(table, { after: null })
    const parts = await source.toArray()
    expect(parts).toHaveLength(2 + 4 * 4)
    for (const [i, part] of parts.entries()) {
      const after = source.positionOf(part)
      const rest = await reading(table, { after }).toArray()
      const shown = (found: readonly Record<string, unknown>[]) => found.map(({ ttl: _, ...each }) => each)
      expect(shown(rest), JSON.stringify(after)).toEqual(shown(parts.slice(i + 1)))
    }
  })

  it('brings all parts of a row again if they have changed before the next run', async () => {
    const table = await ks.table('p int PRIMARY KEY, v int, w int, l list<int>')
    for (const [time, value] of [
      [1_000, 'v = 1'],
      [2_000, 'l = l + [1]'],
      [3_000, 'w = 1'],
      [4_000, 'l = l + [2]'],
    ])
      await ks.client.execute(`UPDATE ${ks.name}.${table} USING TIMESTAMP ${time} SET ${value} WHERE p = 1`)
    const source = reading(table, { after: null })
    const parts = await source.toArray()
    expect(parts.map(({ write_time }) => write_time)).toEqual([1_000n, 3_000n, 4_000n])
    const after = source.positionOf(parts[1])
    // The list is now as old as its first element, which is older than the part that came last.
    await ks.client.execute(`DELETE l[1] FROM ${ks.name}.${table} WHERE p = 1`)
    const rest = await reading(table, { after }).toArray()
    expect(rest).toMatchObject([{ v: 1 }, { l: [1] }, { w: 1 }])
  })

  it('works with epochs', async () => {
    const [from, to] = [await filled(), await ks.table(own)]
    const sink = createMicroBatchSink({
      ...ks.target,
      table: to,
      checkpoint_location: checkpoints.location(),
      ...controls,
      allow_any_timestamp: true,
    })
    await pipeline(reading(from), sink)
    expect(await timesOf(to)).toEqual(await timesOf(from))
  })
})

describe('with_times is refused', () => {
  const refusalOf = (stream: Readable) =>
    stream.toArray().then(
      () => undefined,
      (error: unknown) => error,
    )

  it.each([
    ['write_time', 'timestamp_column'],
    ['ttl', 'ttl_column'],
    ['operation', 'operation_column'],
  ])(
    'for a table with a column `%s`, and the error names the option for that property',
    async (column, option) => {
      const table = await ks.table(`p int PRIMARY KEY, "${column}" int`)
      expect(await refusalOf(reading(table))).toMatchObject({
        code: 'ERR_CASSANDRA_OPTION',
        option,
        message: expect.stringContaining(`has a column \`${column}\`. Give \`${option}\` another name`),
      })
    },
  )

  it('for counters', async () => {
    const table = await ks.table('p int PRIMARY KEY, n counter')
    expect(await refusalOf(reading(table))).toMatchObject({
      option: 'with_times',
      message: expect.stringContaining('the counter `n`'),
    })
  })

  it('if the server does not report times of collections, and the error names their columns', async () => {
    const table = await ks.table('p int PRIMARY KEY, s set<int>, fs frozen<set<int>>')
    const proxy = await CqlProxy.start({ host: ks.target.host, port: ks.target.port })
    onTestFinished(() => proxy.stop())
    proxy.decided = /WRITETIME\("s"\)/
    const message = 'Cannot use selection function writeTime on non-frozen collection s'
    proxy.decide = () => ({ delivery: 'never', answer: { code: 0x2200, message } })
    const { host, port } = proxy
    expect(await refusalOf(reading(table, { host, port }))).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: 'with_times',
      message: expect.stringMatching(
        /5\.0 or newer for the times of `s` in .*Leave these columns out by `columns`/,
      ),
    })
    await ks.client.execute(`INSERT INTO ${ks.name}.${table} (p, fs) VALUES (1, {1}) USING TIMESTAMP 5`)
    expect(await reading(table, { host, port, columns: 'fs' }).toArray()).toEqual([
      { p: 1, fs: new Set([1]), write_time: 5n, ttl: 0, operation: 'insert' },
    ])
  })
})

describe('a row that was inserted', () => {
  it('with a time to live expires in the copy too, with its row marker', { timeout: 120_000 }, async () => {
    const [from, to] = [
      await ks.table('p int PRIMARY KEY, v int'),
      await ks.table('p int PRIMARY KEY, v int'),
    ]
    await ks.client.execute(`INSERT INTO ${ks.name}.${from} (p, v) VALUES (1, 1) USING TTL 12`)
    await ks.client.execute(`INSERT INTO ${ks.name}.${from} (p, v) VALUES (2, 2)`)
    await copied(from, to)
    const idsIn = async (table: string) =>
      (await ks.select(`SELECT p FROM ${ks.name}.${table}`)).map(({ p }) => p)
    expect(new Set(await idsIn(to))).toEqual(new Set([1, 2]))
    await vi.waitFor(async () => expect(await idsIn(to)).toEqual([2]), { timeout: 60_000, interval: 500 })
    expect(await idsIn(from)).toEqual([2])
  })

  it('stays in the copy when its cells are gone', async () => {
    const [from, to] = [
      await ks.table('p int PRIMARY KEY, v int'),
      await ks.table('p int PRIMARY KEY, v int'),
    ]
    await ks.client.execute(`INSERT INTO ${ks.name}.${from} (p, v) VALUES (1, 1)`)
    await copied(from, to)
    await ks.client.execute(`DELETE v FROM ${ks.name}.${to} WHERE p = 1`)
    expect(await ks.select(`SELECT * FROM ${ks.name}.${to}`)).toEqual([{ p: 1, v: null }])
  })

  it('with lists has the lists in an update of their own, so that a retry moves no other time', async () => {
    const table = await ks.table('p int PRIMARY KEY, v int, l list<int>')
    await ks.client.execute(
      `INSERT INTO ${ks.name}.${table} (p, l) VALUES (1, [1]) USING TIMESTAMP 5 AND TTL 500`,
    )
    await ks.client.execute(`UPDATE ${ks.name}.${table} USING TIMESTAMP 7 SET l = l + [2] WHERE p = 1`)
    await ks.client.execute(`INSERT INTO ${ks.name}.${table} (p, l, v) VALUES (2, [1], 1) USING TIMESTAMP 5`)
    const found = byKey(await reading(table).toArray())
    expect(found).toEqual([
      { p: 1, write_time: 7n, ttl: 0, operation: 'insert' },
      { p: 1, l: [1, 2], write_time: 7n, ttl: 0, operation: 'update' },
      { p: 2, v: 1, write_time: 5n, ttl: 0, operation: 'insert' },
      { p: 2, l: [1], write_time: 5n, ttl: 0, operation: 'update' },
    ])
  })

  it('without values is in the copy with the time of the read', async () => {
    const [from, to] = [
      await ks.table('p int PRIMARY KEY, v int'),
      await ks.table('p int PRIMARY KEY, v int'),
    ]
    await ks.client.execute(`INSERT INTO ${ks.name}.${from} (p) VALUES (1)`)
    const before = BigInt(Date.now()) * 1000n
    const [part] = await reading(from).toArray()
    expect(part).toEqual({ p: 1, write_time: expect.any(BigInt), ttl: 0, operation: 'insert' })
    expect(part.write_time).toBeGreaterThanOrEqual(before)
    await copied(from, to)
    expect(await ks.select(`SELECT * FROM ${ks.name}.${to}`)).toEqual([{ p: 1, v: null }])
  })
})
