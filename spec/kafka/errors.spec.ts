import { describe, expect, it, vi } from 'vitest'
import { closedPort } from '../closedPort.ts'
import { failureOf, useKafka, WITHIN, written } from './scene.ts'

const { scene } = useKafka('kafka_errors_spec')

describe('an error names the place of its message', () => {
  const bad = { row: () => ({ k: 'a', v: 'many' }) }

  it('when `on_bad_row` fails, which also gets the place', async () => {
    const { topic, start, send } = await scene()
    await send([1])
    const given: Error[] = []
    const down = new Error('no dead letters today')
    const error = await failureOf(
      start({
        ...bad,
        on_bad_row: refused => {
          given.push(refused)
          throw down
        },
      }),
    )
    const place = `offset 0 of ${topic}/0`
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_ON_BAD_ROW' })
    expect(error?.message).toMatch(new RegExp(`^Partition ${topic}/0.*${place}: no dead letters today`))
    expect(given[0]?.message).toContain(`Message at ${place}: Row 0`)
  })

  it('when `on_bad_row` throws the error that it got', async () => {
    const { topic, start, send } = await scene()
    await send([1])
    const error = await failureOf(
      start({
        ...bad,
        on_bad_row: refused => {
          throw refused
        },
      }),
    )
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_VALUE', column: 'v' })
    expect(error?.message).toMatch(new RegExp(`^Message at offset 0 of ${topic}/0: Row 0`))
  })

  it('when there are too many bad rows', async () => {
    const { topic, start, send } = await scene()
    await send([1, 2, 3])
    const error = await failureOf(start({ ...bad, on_bad_row: () => {}, max_errors: 1 }))
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_MAX_ERRORS' })
    expect(error?.message).toMatch(new RegExp(`^Partition ${topic}/0, at offset 1: 2 of 2 rows were refused`))
  })

  it('when the sink is stopped and the share of bad rows is too large, also for few rows', async () => {
    const { start, send } = await scene()
    await send([1, 2, 3])
    const sink = start({ ...bad, on_bad_row: () => {}, max_errors: '1%' })
    await written(sink, 3)
    await expect(sink.stop()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_MAX_ERRORS' })
  })
})

describe('an error of `start`', () => {
  it.each<[string, () => number | Promise<number>, string]>([
    ['an offset before the first one', () => -1, 'from 0 to 3, got -1'],
    ['an offset beyond the end', () => 4, 'from 0 to 3, got 4'],
    ['no whole number', () => 1.5, 'from 0 to 3, got 1.5'],
    ['a rejection', () => Promise.reject(new Error('no database')), 'failed for'],
  ])('says that it gave %s', async (_, from, text) => {
    const { topic, start, send } = await scene()
    await send([1, 2, 3])
    const error = await failureOf(start({ start: from }))
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_POSITION' })
    expect(error?.message).toMatch(/`start`/)
    expect(error?.message).toContain(text)
    expect(error?.message).toContain(`${topic}/0`)
  })
})

describe('a broker that cannot be used', () => {
  const secret = 'sasl-canary'
  it.each<[string, () => Promise<object>, RegExp]>([
    ['is not there', async () => ({ brokers: `127.0.0.1:${await closedPort()}` }), /ECONNREFUSED/],
    ['has no address', async () => ({ brokers: 'no-such-host.invalid:9092' }), /ENOTFOUND|EAI_AGAIN/],
    [
      'has no TLS',
      async () => ({ kafka_options: { tls: { rejectUnauthorized: true } } }),
      /TLS|SSL|ECONNRESET/i,
    ],
    [
      'has no logins',
      async () => ({ kafka_options: { sasl: { mechanism: 'PLAIN', username: 'u', password: secret } } }),
      /SASL/i,
    ],
  ])('%s: the error has the reason', async (_, optionsOf, reason) => {
    const { start } = await scene()
    const error = await failureOf(start({ retry_timeout_ms: 500, ...(await optionsOf()) }))
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_KAFKA' })
    expect(error?.message).toMatch(reason)
    expect(error?.message).not.toContain(secret)
  })
})

it('a member ends when another one joins with its `groupInstanceId`, and that one goes on', async () => {
  const { start, send, found } = await scene()
  const kafka_options = { sessionTimeout: 6_000, heartbeatInterval: 500, groupInstanceId: 'pod-1' }
  const first = start({ kafka_options })
  await vi.waitFor(() => expect(first.stats.partitions).toBe(1), WITHIN)
  const second = start({ kafka_options })
  const error = await failureOf(first)
  expect(error).toMatchObject({ code: 'ERR_CASSANDRA_KAFKA' })
  expect(error?.message).toMatch(/has the same `groupInstanceId`, pod-1, .* Give each process its own/)
  await send([1])
  await written(second, 1)
  await second.stop()
  expect(await found()).toEqual({ k0: 1 })
})
