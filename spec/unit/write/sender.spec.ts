import { setTimeout as delay } from 'node:timers/promises'
import { types } from 'cassandra-driver'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Fault } from '../../../lib/cluster/fault.ts'
import { Ring } from '../../../lib/cluster/ring.ts'
import { ConnectionError, type RowError, SchemaError, WriteError } from '../../../lib/index.ts'
import type { CassandraWritableOptions } from '../../../lib/options/options.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'
import { byteLengthOf, type EncodedRow, stamp } from '../../../lib/row/encodedRow.ts'
import { partitionKeyOf } from '../../../lib/row/partitionKey.ts'
import { readTable } from '../../../lib/table/readTable.ts'
import { OrderClock } from '../../../lib/write/clock.ts'
import { processArrivals } from '../../../lib/write/clusterClock.ts'
import { LiveTable } from '../../../lib/write/liveTable.ts'
import { Sender } from '../../../lib/write/sender.ts'
import { TableRequests } from '../../../lib/write/tableRequests.ts'
import { Tally } from '../../../lib/write/tally.ts'
import { FakeClient, type FakeWrite, rowsOf } from '../../fake/fakeClient.ts'
import { range, serverError, settled } from '../../stream/support.ts'
import { encodeAll, schema } from '../batch/rows.ts'

// Waits between attempts are random fractions of a bound. Here they are zero.
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
})

async function scene(
  options: Partial<CassandraWritableOptions> = {},
  onBadRow: () => Promise<void> = async () => {},
  /** Milliseconds that each retry waits for a permit that others keep for `on_bad_row`. */
  heldUp_ms = 0,
) {
  const client = new FakeClient(schema.columns.map(({ name, kind, cql }) => ({ name, kind, type: cql })))
  const settings = writeSettingsOf({ client: client.asClient, keyspace: 'ks', table: 't', ...options })
  const tally = new Tally()
  const closing = new AbortController()
  const refused: RowError[] = []
  const told: string[] = []
  const clock = new OrderClock(processArrivals())
  const source = {
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    timeout_ms: 1_000,
    signal: closing.signal,
  }
  const table = new LiveTable(source, await readTable(source), 0, settings, clock)
  const sender = new Sender(clock)
  const permit = {
    lastStored: Number.NEGATIVE_INFINITY,
    succeeded: (_: number, sent: number) => {
      permit.lastStored = sent
      told.push('answered')
    },
    failed: (fault: Fault) => told.push(fault),
    suspect: () => told.push('suspect'),
    pause: async (wait_ms: number, _: boolean, signal: AbortSignal) => {
      const from = performance.now()
      await delay(wait_ms + heldUp_ms, undefined, { signal })
      // As measured, because a timer is late on a busy machine.
      return heldUp_ms === 0 ? 0 : performance.now() - from - wait_ms
    },
    aside: (handled: Promise<void>) => handled,
  }
  const requests = new TableRequests(
    {
      client: client.asClient,
      ring: new Ring(client.asClient, 'ks', partitionKeyOf),
      table,
      tally,
      signal: closing.signal,
      rowRefused: async error => {
        tally.rowRefused()
        refused.push(error)
        await onBadRow()
        return false
      },
    },
    settings,
  )
  /** Counts and sends rows, like a writer. */
  const send = (rows: readonly EncodedRow[]) => {
    for (const _ of rows) tally.rowAccepted()
    tally.groupLeft(rows.length)
    const sending = sender.send(rows, requests, permit)
    sending.catch(() => {})
    return sending
  }
  const counters = tally.stats
  return { client, clock, counters, tally, closing, refused, told, send }
}

/** Inserts into one partition, stamped from 1,000 on. */
function rows(count: number, more: object = {}): EncodedRow[] {
  const encoded = encodeAll(range(count).map(c => ({ p: 1, c, v: `v${c}`, ...more })))
  for (const row of encoded) stamp(row, 1_000 + row.index)
  return encoded
}

const clusteringOf = ({ cql, binds }: FakeWrite): number[] => {
  const each = binds.length / rowsOf({ cql } as FakeWrite)
  return range(rowsOf({ cql } as FakeWrite)).map(i => (binds[i * each + 1] as Buffer).readInt32BE())
}

/**
 * Answers writes until `done`, as soon as they come or `after_ms` later, with the error that `verdict` returns or an
 * acknowledgement. Returns the acknowledged rows.
 */
async function answer(
  client: FakeClient,
  done: Promise<unknown>,
  verdict: (write: FakeWrite) => Error | undefined,
  after_ms = 0,
): Promise<number[]> {
  const acknowledged: number[] = []
  const settle = (write: FakeWrite) => {
    const error = verdict(write)
    if (error !== undefined) return write.fail(error)
    acknowledged.push(...clusteringOf(write))
    write.acknowledge()
  }
  const answerOne = (write: FakeWrite) => {
    // At once, so that a busy machine cannot make an answer late.
    if (after_ms === 0) settle(write)
    else setTimeout(settle, after_ms, write)
  }
  for (const write of [...client.pending]) answerOne(write)
  client.onWrite = answerOne
  await done.catch(() => {})
  client.onWrite = undefined
  return acknowledged.sort((a, b) => a - b)
}

describe('a request', () => {
  it('is prepared, routed by its partition, and never retried by the driver', async () => {
    const { client, send } = await scene({ consistency: 'each_quorum', request_timeout_ms: 1_234 })
    // Not every node holds every partition.
    client.hosts.length = 2
    const [row] = rows(1)
    void send([row as EncodedRow])
    const write = await client.nextWrite()
    expect(write.options).toMatchObject({
      prepare: true,
      keyspace: 'ks',
      routingKey: partitionKeyOf(row as EncodedRow),
      consistency: types.consistencies.eachQuorum,
      readTimeout: 1_234,
      isIdempotent: false,
    })
  })

  it.each([
    ['ONE', types.consistencies.one],
    ['TWO', types.consistencies.two],
    ['THREE', types.consistencies.three],
    ['QUORUM', types.consistencies.quorum],
    ['ALL', types.consistencies.all],
    ['LOCAL_QUORUM', types.consistencies.localQuorum],
    ['EACH_QUORUM', types.consistencies.eachQuorum],
    ['LOCAL_ONE', types.consistencies.localOne],
  ] as const)('asks for the consistency %s as the driver knows it', async (consistency, known) => {
    const { client, send } = await scene({ consistency })
    void send(rows(1))
    expect((await client.nextWrite()).options['consistency']).toBe(known)
    expect(known).toBeTypeOf('number')
  })

  it('counts its rows when it is acknowledged, and deletes separately', async () => {
    const { client, counters, send, told } = await scene()
    const inserts = send(rows(2))
    ;(await client.nextWrite()).acknowledge()
    await inserts
    const deletes = send(rows(5, { op: 'delete' }))
    ;(await client.nextWrite()).acknowledge()
    await deletes
    expect(counters).toMatchObject({
      rows_written: 2,
      rows_deleted: 5,
      rows_in_flight: 0,
      requests: 2,
      retries: 0,
    })
    expect(counters.bytes_written).toBe(
      [...rows(2), ...rows(5, { op: 'delete' })].reduce((sum, row) => sum + byteLengthOf(row), 0),
    )
    expect(told).toEqual(['answered', 'answered'])
  })

  it('changes no count if it is acknowledged after the end of the stream', async () => {
    const { client, counters, tally, send } = await scene()
    const sending = send(rows(1))
    const write = await client.nextWrite()
    tally.close()
    const before = { ...counters }
    write.acknowledge()
    await sending
    expect(counters).toEqual(before)
  })
})

describe('a transient fault', () => {
  it.each([
    ['unavailable', serverError(0x1000), false],
    ['bootstrapping', serverError(0x1002), false],
    ['a broken connection', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), false],
    ['overloaded', serverError(0x1001), true],
    ['write timeout', serverError(0x1100), true],
    ['no answer', Object.assign(new Error('no answer'), { name: 'OperationTimedOutError' }), true],
  ])('such as %s makes the sender send the same bytes again', async (_, fault, isSlow) => {
    const { client, counters, send, told } = await scene()
    const sending = send(rows(2))
    for (let tries = 0; tries < 3; tries++) (await client.nextWrite()).fail(fault)
    ;(await client.nextWrite()).acknowledge()
    await sending
    const [first, ...others] = client.writes
    expect(others.length).toBe(3)
    for (const other of others) {
      expect(other.cql).toBe(first?.cql)
      expect(other.binds).toEqual(first?.binds)
    }
    expect(counters).toMatchObject({ requests: 4, retries: 3, rows_written: 2 })
    expect(told.filter(word => word === 'slow').length).toBe(isSlow ? 3 : 0)
  })

  it('makes the sender use a later write time per attempt for a row with a list, which would double otherwise', async () => {
    const { client, send } = await scene()
    const [row] = rows(1)
    const sending = send([{ ...(row as EncodedRow), appends: true }])
    for (let tries = 0; tries < 3; tries++) (await client.nextWrite()).fail(serverError(0x1100))
    ;(await client.nextWrite()).acknowledge()
    await sending
    const { timestampIndex } = (row as EncodedRow).statement
    const times = client.writes.map(({ binds }) => Number((binds[timestampIndex] as Buffer).readBigInt64BE()))
    expect(times).toEqual([1_000, 1_001, 1_002, 1_003])
  })

  it('is the cause of the error when retry_timeout_ms is over', async () => {
    const { client, send } = await scene({ retry_timeout_ms: 0 })
    const sending = send(rows(1))
    const fault = serverError(0x1000, 'not enough replicas')
    ;(await client.nextWrite()).fail(fault)
    await expect(sending).rejects.toBeInstanceOf(WriteError)
    await expect(sending).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_RETRY_TIMEOUT',
      cause: fault,
      message:
        'Row 0 (counted from 0 in this stream) is not acknowledged after 1 try within `retry_timeout_ms` (0 ms): not enough replicas',
    })
    expect(client.writes.length).toBe(1)
  })

  it('is no longer retried after the stream is destroyed', async () => {
    // Seconds until the retry, which a busy machine does not reach before the stream is destroyed.
    vi.spyOn(Math, 'random').mockReturnValue(100)
    const { client, closing, send } = await scene()
    const sending = send(rows(1))
    ;(await client.nextWrite()).fail(serverError(0x1000))
    await settled()
    closing.abort(new Error('enough'))
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' })
    expect(client.writes.length).toBe(1)
  })
})

describe('a permanent fault', () => {
  it.each([
    ['ERR_CASSANDRA_UNAUTHORIZED', WriteError, serverError(0x2100, 'no MODIFY permission')],
    ['ERR_CASSANDRA_AUTH', ConnectionError, serverError(0x0100, 'password expired')],
    ['ERR_CASSANDRA_WRITE', WriteError, serverError(0x2000, 'line 1: no viable alternative')],
    ['ERR_CASSANDRA_WRITE', WriteError, new TypeError('a bug in a driver')],
  ])('is reported as %s at once, in the words of the server', async (code, kind, fault) => {
    const { client, send } = await scene()
    const sending = send(rows(2))
    ;(await client.nextWrite()).fail(fault)
    await expect(sending).rejects.toBeInstanceOf(kind)
    await expect(sending).rejects.toMatchObject({ code, message: expect.stringContaining(fault.message) })
    expect(client.writes.length).toBe(1)
  })
})

describe('a request whose rows the server fails to store', () => {
  const failure = () => serverError(0x1500, 'Operation failed')
  const isBad = (write: FakeWrite, bad: readonly number[]) => clusteringOf(write).some(c => bad.includes(c))

  it.each([0x0000, 0x1500])(
    'is first sent as a whole three times, in case the fault passes (%i)',
    async code => {
      const { client, counters, refused, send } = await scene()
      const sending = send(rows(20))
      for (let tries = 0; tries < 2; tries++) (await client.nextWrite()).fail(serverError(code))
      ;(await client.nextWrite()).acknowledge()
      await sending
      expect(client.writes.map(rowsOf)).toEqual([20, 20, 20])
      expect(counters).toMatchObject({ rows_written: 20, rows_failed: 0, retries: 2 })
      expect(refused).toEqual([])
    },
  )

  it.each([[[0]], [[19]], [[3, 11]]])(
    'is then narrowed down to the rows that make it fail, %j of 20',
    async bad => {
      const { client, counters, refused, send } = await scene({ retry_timeout_ms: 400 })
      const sending = send(rows(20))
      const written = await answer(client, sending, write => (isBad(write, bad) ? failure() : undefined))
      await sending
      expect(written).toEqual(range(20).filter(c => !bad.includes(c)))
      expect(refused.map(({ row_index }) => row_index).sort((a, b) => a - b)).toEqual(bad)
      expect(counters).toMatchObject({
        rows_written: 20 - bad.length,
        rows_failed: bad.length,
        rows_in_flight: 0,
      })
    },
  )

  it('leaves the other rows their time for retries, however long `on_bad_row` takes', async () => {
    const { client, counters, send } = await scene({ retry_timeout_ms: 200 }, () => delay(400))
    const sending = send(rows(2))
    let tries = 0
    const written = await answer(client, sending, write => {
      if (isBad(write, [0])) return serverError(0x2200, 'invalid')
      return ++tries === 1 ? serverError(0x1001, 'overloaded') : undefined
    })
    await sending
    expect(written).toEqual([1])
    expect(counters).toMatchObject({ rows_written: 1, rows_in_flight: 0 })
  })

  it('leaves rows their time for retries, however long others keep all permits for `on_bad_row`', async () => {
    const { client, counters, send } = await scene({ retry_timeout_ms: 200 }, undefined, 400)
    const sending = send(rows(1))
    let tries = 0
    await answer(client, sending, () => (++tries <= 2 ? serverError(0x1001, 'overloaded') : undefined))
    await sending
    expect(counters).toMatchObject({ rows_written: 1, rows_in_flight: 0 })
  })

  it('leaves that time to both halves of a request', async () => {
    const { client, counters, send } = await scene({ retry_timeout_ms: 200 }, undefined, 400)
    const sending = send(rows(2))
    const tries = [0, 0]
    await answer(client, sending, write => {
      const [c = 0, ...others] = clusteringOf(write)
      if (others.length > 0) return serverError(0x2200, 'invalid')
      tries[c] = (tries[c] ?? 0) + 1
      return tries[c] === 1 ? serverError(0x1001, 'overloaded') : undefined
    })
    await sending
    expect(counters).toMatchObject({ rows_written: 2, rows_failed: 0 })
  })

  it('blames no row if the fault passes soon, although the server stores others', async () => {
    const { client, counters, refused, send } = await scene()
    const sending = send(rows(2))
    let failures = 0
    const written = await answer(client, sending, write =>
      isBad(write, [1]) && ++failures < 7 ? failure() : undefined,
    )
    await sending
    expect(written).toEqual([0, 1])
    expect(refused).toEqual([])
    expect(counters).toMatchObject({ rows_written: 2, rows_failed: 0 })
  })

  it('blames no row if the server stores only rows that were in flight before', async () => {
    const { client, refused, send } = await scene({ retry_timeout_ms: 300 })
    const [one, other] = rows(2) as [EncodedRow, EncodedRow]
    const [early, sending] = [send([other]), send([one])]
    await client.writesReach(2)
    const [write, failing] = [...client.pending]
    failing?.fail(failure())
    await settled()
    write?.acknowledge()
    await early
    void answer(client, sending, failure)
    await expect(sending).rejects.toMatchObject({ code: 'ERR_CASSANDRA_RETRY_TIMEOUT' })
    expect(refused).toEqual([])
  })

  it.each([
    [300, 'is the fault of'],
    // Requests on two connections may arrive in another order than they were sent.
    [0, 'may be the fault of others than'],
  ])(
    'that is followed after %i ms by a stored one %s a row that fails until the time limit',
    async wait_ms => {
      const { client, refused, send } = await scene({ retry_timeout_ms: 1_500 })
      const [one, other] = rows(2) as [EncodedRow, EncodedRow]
      const sending = send([one])
      // Otherwise both leave at once, however busy the machine is.
      if (wait_ms > 0) await delay(wait_ms)
      const later = send([other])
      await client.writesReach(2)
      const [failing, write] = [...client.pending]
      write?.acknowledge()
      await later
      failing?.fail(failure())
      void answer(client, sending, failure)
      const ended = await sending.catch((error: { code: string }) => error.code)
      if (wait_ms > 0) expect(refused).toMatchObject([{ row_index: one.index }])
      else expect([ended, refused]).toEqual(['ERR_CASSANDRA_RETRY_TIMEOUT', []])
    },
  )

  it('that answers later than the last attempt would wait is the fault of a row all the same', async () => {
    // After three failures, more time is left than an attempt takes. After four, less.
    const { client, refused, send } = await scene({ retry_timeout_ms: 3_000 })
    const [one, other] = rows(2) as [EncodedRow, EncodedRow]
    const sending = send([one])
    await client.writesReach(1)
    await delay(300)
    const later = send([other])
    await client.writesReach(2)
    client.pending[1]?.acknowledge()
    await later
    void answer(client, sending, failure, 600)
    await sending
    expect(refused).toMatchObject([{ row_index: one.index }])
  })

  it('blames no row if the table no longer exists', async () => {
    const { client, refused, send } = await scene({ retry_timeout_ms: 400 })
    const sending = send(rows(4))
    void answer(client, sending, write => {
      if (client.writes.length > 3) client.columns = []
      return isBad(write, [1]) ? failure() : undefined
    })
    await expect(sending).rejects.toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
    expect(refused).toEqual([])
  })

  it('blames no row while the server stores no others', async () => {
    const { client, refused, send } = await scene({ retry_timeout_ms: 300 })
    const sending = send(rows(4))
    void answer(client, sending, failure)
    await expect(sending).rejects.toMatchObject({ code: 'ERR_CASSANDRA_RETRY_TIMEOUT' })
    expect(refused).toEqual([])
  })

  it('is narrowed down before the write times of its lists are used up', async () => {
    const { client, refused, send } = await scene({ retry_timeout_ms: 2_000 })
    const lists = rows(50).map(row => ({ ...row, appends: true }))
    const sending = send(lists)
    const written = await answer(client, sending, write => (isBad(write, [25]) ? failure() : undefined))
    await sending
    expect(written).toEqual(range(50).filter(c => c !== 25))
    expect(refused).toMatchObject([{ row_index: 25 }])
  })

  it('uses later write times for lists in the smaller requests, because some rows may be stored', async () => {
    const { client, send } = await scene({ retry_timeout_ms: 2_000 })
    const lists = rows(2).map(row => ({ ...row, appends: true }))
    const [first] = lists as [EncodedRow, EncodedRow]
    stamp(lists[1] as EncodedRow, 2_000)
    const sending = send(lists)
    await answer(client, sending, write => (rowsOf(write) > 1 ? failure() : undefined))
    await sending
    const { timestampIndex } = first.statement
    const times = client.writes.map(({ binds }) => Number((binds[timestampIndex] as Buffer).readBigInt64BE()))
    expect(times).toEqual([1_000, 1_001, 1_002, 1_003, 2_003])
  })
})

describe('a consistency level', () => {
  it.each([
    ['for which the keyspace has too few replicas', 'THREE', 3, 2, 'ERR_CASSANDRA_CONSISTENCY'],
    ['whose replicas are away', 'THREE', 3, 3, 'ERR_CASSANDRA_RETRY_TIMEOUT'],
    ['of a keyspace without a replica in the datacenter', 'LOCAL_QUORUM', 1, 0, 'ERR_CASSANDRA_CONSISTENCY'],
    // A node is joining to replace a dead one, or the keyspace had three replicas until now.
    ['that asks for more replicas while they change', 'LOCAL_QUORUM', 2, 1, 'ERR_CASSANDRA_RETRY_TIMEOUT'],
    ['of all replicas, whatever their number', 'ALL', 4, 3, 'ERR_CASSANDRA_RETRY_TIMEOUT'],
  ] as const)('%s ends with what to do about it', async (_, consistency, required, replicas, code) => {
    const { client, send } = await scene({ consistency, retry_timeout_ms: 200 })
    client.replicas = replicas
    const sending = send(rows(1))
    const unavailable = Object.assign(serverError(0x1000, 'not enough replicas'), { required, alive: 1 })
    void answer(client, sending, () => unavailable)
    await expect(sending).rejects.toMatchObject({ code })
  })

  it('that the table refuses blames no row', async () => {
    const { client, refused, send } = await scene()
    const sending = send(rows(5))
    const words = 'LOCAL_QUORUM is unsupported with Accord for write/commit, supported are ANY, ONE, QUORUM'
    ;(await client.nextWrite()).fail(serverError(0x2200, words))
    await expect(sending).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CONSISTENCY' })
    expect(refused).toEqual([])
  })
})

describe('a write time that a guardrail of the cluster refuses', () => {
  const tooLate = serverError(
    0x2200,
    'Guardrail maximum_timestamp violated: The modification to table t has a timestamp 9 after the maximum allowable ' +
      'maximum_timestamp threshold 8',
  )

  const noTimes = serverError(
    0x2200,
    'Guardrail user_timestamps violated: User provided timestamps (USING TIMESTAMP) is not allowed',
  )

  it.each([
    ['like any other', noTimes, /set `user_timestamps_enabled` to true in cassandra\.yaml.*USING TIMESTAMP/],
    [
      'as too late',
      tooLate,
      /raise `minimum.*`maximum_timestamp_fail_threshold` in cassandra\.yaml.*timestamp 9/,
    ],
  ])(
    '%s is the fault of no row if it is that of the arrival, and the error says what to change',
    async (_, error, message) => {
      const { client, refused, send } = await scene()
      const sending = send(rows(5))
      ;(await client.nextWrite()).fail(error)
      await expect(sending).rejects.toMatchObject({
        name: 'WriteError',
        code: 'ERR_CASSANDRA_WRITE',
        message: expect.stringMatching(message),
      })
      expect(refused).toEqual([])
    },
  )

  it('is the fault of the row that names it', async () => {
    const { client, refused, send } = await scene({ timestamp_column: 'at' })
    const sending = send(rows(5))
    const acknowledged = await answer(client, sending, write =>
      clusteringOf(write).includes(3) ? tooLate : undefined,
    )
    await sending.catch(() => {})
    expect(refused).toMatchObject([{ code: 'ERR_CASSANDRA_ROW_REFUSED', row_index: 3 }])
    expect(acknowledged.sort()).toEqual([0, 1, 2, 4])
  })
})

describe('a write time in the future', () => {
  it('delays its request, and one in the past does not', async () => {
    const { client, clock, send } = await scene()
    const [past, future] = rows(2) as [EncodedRow, EncodedRow]
    const ahead = clock.now() + 1_000_000
    clock.advance(ahead)
    stamp(future, ahead)
    const first = send([past])
    const second = send([future])
    await settled()
    expect(client.writes.length).toBe(1)
    ;(await client.nextWrite()).acknowledge()
    await first
    ;(await client.nextWrite()).acknowledge()
    expect(clock.now()).toBeGreaterThanOrEqual(ahead)
    await second
  })

  it('from timestamp_column does not delay its request', async () => {
    const { client, clock, send } = await scene({ timestamp_column: 'at' })
    clock.advance(clock.now() + 60_000_000)
    void send(rows(1))
    expect(await client.nextWrite()).toBeDefined()
  })
})

describe('the end of a stream', () => {
  it('stops a group that is being narrowed, and changes no count afterwards', async () => {
    const { client, closing, counters, refused, send } = await scene()
    const sending = send(rows(10))
    ;(await client.nextWrite()).fail(serverError(0x2200, 'too odd'))
    const half = await client.nextWrite()
    closing.abort(new Error('enough'))
    const before = { ...counters }
    half.fail(serverError(0x2200, 'too odd'))
    await expect(sending).rejects.toThrow('enough')
    await settled()
    expect(client.writes.length).toBe(2)
    expect(counters).toEqual(before)
    expect(refused).toEqual([])
  })
})

describe('a statement that the server has lost', () => {
  const lost = () =>
    Object.assign(new Error('All host(s) tried'), { innerErrors: { a: serverError(0x2500) } })

  it('is reported as a changed schema if the table no longer exists or is another one', async () => {
    const { client, send } = await scene()
    const sending = send(rows(1))
    client.tableId = 'table-2'
    ;(await client.nextWrite()).fail(lost())
    await expect(sending).rejects.toBeInstanceOf(SchemaError)
    await expect(sending).rejects.toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
  })

  it('is sent again if the table did not change', async () => {
    const { client, counters, send } = await scene()
    const sending = send(rows(1))
    ;(await client.nextWrite()).fail(lost())
    ;(await client.nextWrite()).acknowledge()
    await sending
    expect(counters).toMatchObject({ rows_written: 1, retries: 1 })
  })

  it('leads to an error that says why it cannot be prepared again, which the driver does not', async () => {
    const { client, send } = await scene()
    const sending = range(3).map(() => send(rows(1)))
    await client.writesReach(3)
    for (const write of [...client.pending]) write.fail(lost())
    await client.writesReach(4)
    const fresh = await client.nextWrite()
    expect(fresh.cql.trim()).toBe(client.writes[0]?.cql)
    expect(fresh.cql).not.toBe(client.writes[0]?.cql)
    fresh.fail(serverError(0x2100, 'no MODIFY permission'))
    await expect(sending[0]).rejects.toMatchObject({ code: 'ERR_CASSANDRA_UNAUTHORIZED' })
  })

  it('makes the sender use a later write time for a list if the attempt that prepared again may have stored it', async () => {
    const { client, send } = await scene({ retry_timeout_ms: 2_000 })
    const [row] = rows(1)
    const sending = send([{ ...(row as EncodedRow), appends: true }])
    ;(await client.nextWrite()).fail(lost())
    ;(await client.nextWrite()).fail(serverError(0x1100, 'no answer of a replica'))
    ;(await client.nextWrite()).acknowledge()
    await sending
    const { timestampIndex } = (row as EncodedRow).statement
    const times = client.writes.map(({ binds }) => Number((binds[timestampIndex] as Buffer).readBigInt64BE()))
    expect(times).toEqual([1_000, 1_000, 1_001])
  })

  it('blames no row for a fault that another request finds when it prepares again', async () => {
    const { client, refused, send } = await scene()
    const [one, other] = rows(2) as [EncodedRow, EncodedRow]
    const sending = [send([one]), send([other])]
    await client.writesReach(2)
    for (const write of [...client.pending]) write.fail(lost())
    await client.writesReach(3)
    ;(await client.nextWrite()).fail(serverError(0x2200, 'too large for an index'))
    ;(await client.nextWrite()).acknowledge()
    await Promise.all(sending)
    expect(refused.map(({ row_index, message }) => [row_index, message])).toEqual([
      [0, 'Row 0 (counted from 0 in this stream): Cassandra refuses it: too large for an index'],
    ])
  })

  it('causes one read of the schema for all affected requests', async () => {
    const { client, send } = await scene()
    const sending = range(10).map(() => send(rows(1)))
    await client.writesReach(10)
    const before = client.schemaLooks
    for (const write of [...client.pending]) write.fail(lost())
    // One of them prepares for all.
    await client.writesReach(11)
    ;(await client.nextWrite()).acknowledge()
    await client.writesReach(20)
    // Once for the fault, and once because a statement was prepared again.
    expect(client.schemaLooks - before).toBe(2)
    for (const write of [...client.pending]) write.acknowledge()
    await Promise.all(sending)
  })
})

describe('a request that the server refuses', () => {
  it('as too large is halved until it is small enough, and every row is written once', async () => {
    const { client, counters, refused, send } = await scene()
    const sending = send(rows(50))
    const written = await answer(client, sending, write =>
      rowsOf(write) > 5 ? serverError(0x2200, 'Batch too large') : undefined,
    )
    await sending
    expect(written).toEqual(range(50))
    expect(refused).toEqual([])
    expect(counters).toMatchObject({ rows_written: 50, rows_in_flight: 0, rows_failed: 0 })
  })

  it.each([[[0]], [[49]], [[7, 8, 31]], [range(50)]])(
    'is narrowed down to the rows to blame, %j of 50, and the others are written once',
    async bad => {
      const { client, counters, refused, send } = await scene()
      const sending = send(rows(50))
      const written = await answer(client, sending, write =>
        clusteringOf(write).some(c => bad.includes(c)) ? serverError(0x2200, 'too odd') : undefined,
      )
      await sending
      expect(written).toEqual(range(50).filter(c => !bad.includes(c)))
      expect(refused.map(error => error.row_index).sort((a, b) => a - b)).toEqual(bad)
      for (const error of refused) {
        expect(error).toMatchObject({
          code: 'ERR_CASSANDRA_ROW_REFUSED',
          message: `Row ${error.row_index} (counted from 0 in this stream): Cassandra refuses it: too odd`,
          cause: { message: 'too odd' },
        })
      }
      expect(counters).toMatchObject({
        rows_written: 50 - bad.length,
        rows_failed: bad.length,
        rows_in_flight: 0,
      })
    },
  )

  it('is reported as a changed schema and no bad row if a column now has another type', async () => {
    const { client, refused, send } = await scene()
    const sending = send(rows(2))
    client.columns = client.columns.map(column =>
      column.name === 'v' ? { ...column, type: 'blob' } : column,
    )
    ;(await client.nextWrite()).fail(serverError(0x2200, 'Expected 4 or 0 byte int'))
    await expect(sending).rejects.toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
    expect(refused).toEqual([])
  })
})
