import type { Client } from 'cassandra-driver'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { RangeReader } from '../../../lib/read/rangeReader.ts'
import type { ReadStatement } from '../../../lib/read/statement.ts'

const statement = {
  table: 'ks.t',
  allColumns: [],
  of: () => ({ cql: 'SELECT', bounds: [] }),
  layoutOf: () => [],
  explain: (error: Error) => error,
} as unknown as ReadStatement

function readerOf(client: Client, more = {}): RangeReader {
  const settings = readSettingsOf({ host: 'localhost', keyspace: 'ks', table: 't', ...more })
  return new RangeReader(client, settings, statement, new AbortController().signal)
}

const PAGE_SIZE =
  'Guardrail page_size violated: Aborting query for table t, page size 5000 exceeds fail threshold of 100.'

interface Asked {
  readonly rows: number
  readonly hasFailed: boolean
}

/** Requests for some pages, from a server that fails with this error when `isTooMuch`. */
async function requestsFor(
  pages: number,
  error: { readonly code: number; readonly message?: string },
  isTooMuch: (rows: number, request: number) => boolean,
): Promise<Asked[]> {
  const asked: Asked[] = []
  const execute = async (_cql: string, _params: unknown, { fetchSize: length }: { fetchSize: number }) => {
    const hasFailed = isTooMuch(length, asked.length)
    asked.push({ rows: length, hasFailed })
    if (hasFailed) throw Object.assign(new Error('too much'), error)
    return { rows: { length, size: 10 * length }, columns: [], rawPageState: Buffer.alloc(1) }
  }
  const reader = readerOf({ execute } as unknown as Client)
  let left = pages
  for await (const _ of reader.pages(undefined)) if (--left === 0) break
  return asked
}

describe.each([
  ['Read_timeout', { code: 0x1200 }],
  ['Read_failure', { code: 0x1300 }],
  ['Overloaded', { code: 0x1001 }],
  ['a guardrail', { code: 0x2200, message: PAGE_SIZE }],
])('pages that a server answers with %s', (_, error) => {
  it('because they are too large stay smaller, so that one page in a dozen costs a second request', async () => {
    const asked = await requestsFor(100, error, rows => rows > 100)
    const failed = asked.filter(({ hasFailed }) => hasFailed).length
    expect(failed).toBeGreaterThan(1)
    expect(failed).toBeLessThanOrEqual(12)
  })

  it('now and then keep their size', async () => {
    const asked = await requestsFor(100, error, (_, request) => request % 10 === 9)
    const later = asked.slice(10)
    expect(later.filter(({ rows }) => rows < 5000).length).toBe(
      asked.filter(({ hasFailed }) => hasFailed).length,
    )
  })

  it('have their former size again some time after a burst', async () => {
    const asked = await requestsFor(100, error, (_, request) => request >= 10 && request < 13)
    expect(asked[13]?.rows).toBeLessThan((asked[9]?.rows ?? 0) / 50)
    expect(asked.at(-1)?.rows).toBe(asked[9]?.rows)
  })
})

it('a page of a column that a busy node does not know yet comes after many attempts', async () => {
  // Eight attempts take a moment.
  vi.spyOn(Math, 'random').mockReturnValue(0)
  onTestFinished(() => void vi.restoreAllMocks())
  const unknown = { code: 0x2200, message: 'Undefined column name z in table ks.t' }
  const asked = await requestsFor(1, unknown, (_, request) => request < 8)
  expect(asked).toHaveLength(9)
})

it('the error after the time limit has the last answer of the server, if nobody answers the last request', async () => {
  const answer = Object.assign(new Error('too much'), { code: 0x1001 })
  let isFirst = true
  const execute = () => {
    if (!isFirst) return new Promise(() => {})
    isFirst = false
    return Promise.reject(answer)
  }
  const reader = readerOf({ execute } as unknown as Client, { retry_timeout_ms: 200 })
  await expect(reader.pages(undefined).next()).rejects.toMatchObject({
    code: 'ERR_CASSANDRA_READ_TIMEOUT',
    message: expect.stringMatching(/ did not come within .*: too much$/),
    cause: answer,
  })
})

it('a page that a guardrail refuses at many sizes comes with fewer rows', async () => {
  const asked = await requestsFor(20, { code: 0x2200, message: PAGE_SIZE }, rows => rows > 1)
  expect(asked.filter(({ hasFailed }) => !hasFailed)).toHaveLength(20)
})

describe('the time in which Cassandra works', () => {
  it('is that of requests, and not that in which the consumer holds the reader up', async () => {
    let now = 1_000
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    onTestFinished(() => clock.mockRestore())
    const execute = async () => {
      await Promise.resolve()
      now += 30
      return { rows: { length: 1, size: 10 }, columns: [], rawPageState: Buffer.alloc(1) }
    }
    const reader = readerOf({ execute } as unknown as Client)
    let left = 3
    for await (const _ of reader.pages(undefined)) {
      now += 5_000
      if (--left === 0) break
    }
    expect(reader.busy_ms).toBe(90)
  })
})

describe('a process that is stopped for longer than a read may take', () => {
  /** A reader whose process is stopped while its first request is out, so that the answer is late. */
  function stoppedReader(stops_ms: number) {
    let now = 1_000
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    onTestFinished(() => clock.mockRestore())
    let requests = 0
    const execute = async () => {
      await Promise.resolve()
      if (++requests > 1) return { rows: { length: 1, size: 10 }, columns: [] }
      now += stops_ms
      throw Object.assign(new Error('The host did not reply before timeout'), {
        name: 'OperationTimedOutError',
      })
    }
    return readerOf({ execute } as unknown as Client)
  }

  it('asks again', async () => {
    const reader = stoppedReader(600_000)
    const page = await reader.pages(undefined).next()
    expect(page.value).toMatchObject({ rows: { length: 1 } })
    // Cassandra did not work in that time.
    expect(reader.busy_ms).toBeCloseTo(0)
  })
})
