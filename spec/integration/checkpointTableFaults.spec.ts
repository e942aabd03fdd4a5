import type { Client } from 'cassandra-driver'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { type Connection, connect } from '../../lib/cluster/connect.ts'
import { writeSettingsOf } from '../../lib/options/settings.ts'
import { CqlProxy, type Fate } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { sealOf } from '../unit/checkpoint/epochs.ts'
import { stepsTo, threeEpochs } from '../unit/checkpoint/story.ts'
import { useKeyspace } from './keyspace.ts'
import { type Place, TableCheckpoints } from './tableCheckpoints.ts'

const ks = useKeyspace('checkpoint_table_faults_spec')
const checkpoints = new TableCheckpoints(ks)

const REQUEST_MS = 400
const fenced = { code: 'ERR_CASSANDRA_FENCED' }
const timedOut = { code: faultCodes.writeTimeout, message: 'CAS operation timed out' }

let proxy: CqlProxy
let connection: Connection
let client: Client
beforeAll(async () => {
  const { host, port } = inject('cassandra')
  await checkpoints.open(checkpoints.place())
  proxy = await CqlProxy.start({ host, port })
  const settings = writeSettingsOf({ host: proxy.host, port: proxy.port, keyspace: ks.name, table: 't' })
  connection = await connect(settings, new AbortController().signal)
  client = connection.client
})
beforeEach(() => {
  proxy.decide = () => undefined
})
afterAll(async () => {
  await connection?.close()
  await proxy?.stop()
})

const openThrough = (place: Place, more: Parameters<TableCheckpoints['open']>[1] = {}) =>
  checkpoints.open(place, { client, request_timeout_ms: REQUEST_MS, retry_timeout_ms: 20_000, ...more })

/** Gives the next change a fate, and later changes none. */
function meetNext(fate: Fate, then: () => void = () => {}): void {
  let isMet = false
  proxy.decide = () => {
    if (isMet) return undefined
    isMet = true
    then()
    return fate
  }
}

/** Fates of a change after which the owner does not know whether it was applied. */
const fates: readonly (readonly [string, Fate])[] = [
  ['is applied and its answer is lost', { answer: 'nothing' }],
  ['is applied and the connection is cut', { answer: 'close' }],
  ['is applied and answered by a timeout', { answer: timedOut }],
  ['is lost', { delivery: 'never', answer: 'nothing' }],
  ['is lost with the connection', { delivery: 'never', answer: 'close' }],
  ['is lost and answered by a timeout', { delivery: 'never', answer: timedOut }],
  [
    'is answered by a timeout and arrives after its repeat',
    { delivery: 'late', answer: timedOut, after_writes: 1 },
  ],
  ['arrives twice', { delivery: 'twice', after_writes: 1 }],
  ['is answered by a timeout and arrives twice', { delivery: 'twice', answer: timedOut, after_writes: 1 }],
  ['reaches an overloaded server', { delivery: 'never', answer: { code: 0x1001, message: 'Overloaded' } }],
]

const steps = threeEpochs()

describe('a change of a checkpoint in a table', () => {
  it.each(fates)(
    'that %s is applied once, for each step of the story',
    { timeout: 120_000 },
    async (_, fate) => {
      for (const [i, { name, act, state }] of steps.entries()) {
        const place = checkpoints.place()
        const checkpoint = await openThrough(place)
        for (const before of steps.slice(0, i)) await before.act(checkpoint)
        meetNext(fate)
        await act(checkpoint)
        expect(checkpoint.state, name).toEqual(state)
        // The remaining steps continue from there.
        for (const after of steps.slice(i + 1)) await after.act(checkpoint)
        await proxy.deliverLate()
        expect(stepsTo(steps, (await checkpoints.open(place)).state), name).toBe(steps.length)
      }
    },
  )

  it.each(fates)('that %s takes the checkpoint once', { timeout: 60_000 }, async (_, fate) => {
    const place = checkpoints.place()
    for (const epoch of [0, 1]) {
      meetNext(fate)
      const checkpoint = await openThrough(place)
      await checkpoint.seal(sealOf(epoch))
      await checkpoint.commit()
      await proxy.deliverLate()
      expect(await checkpoints.row(place)).toMatchObject({ term: epoch + 1 })
    }
    expect((await checkpoints.open(place)).state.committed?.epoch_id).toBe(1)
  })

  it('that arrives after later changes has no effect', async () => {
    const place = checkpoints.place()
    const checkpoint = await openThrough(place)
    meetNext({ delivery: 'late', answer: timedOut })
    await checkpoint.seal(sealOf(0))
    await checkpoint.commit()
    await proxy.deliverLate()
    expect((await checkpoints.open(place)).state).toEqual(checkpoint.state)
  })

  it('that arrives after another owner has taken the checkpoint has no effect', async () => {
    const place = checkpoints.place()
    const zombie = await openThrough(place, { request_timeout_ms: 60_000 })
    const seen = new Promise<void>(resolve => meetNext({ delivery: 'late', answer: 'nothing' }, resolve))
    const sealing = zombie.seal(sealOf(0, { position: 'of the zombie' }))
    const failed = expect(sealing).rejects.toMatchObject(fenced)
    await seen
    const next = await checkpoints.open(place)
    // Only now, so that it cannot repeat its change before the next owner has the checkpoint.
    proxy.closeConnections()
    await failed
    await next.seal(sealOf(0))
    await proxy.deliverLate()
    expect((await checkpoints.open(place)).state).toEqual(next.state)
  })
})

describe('an owner that loses the checkpoint while it waits for an answer', () => {
  it.each([
    ['applied', 'now'],
    ['lost', 'never'],
  ] as const)('is fenced, and its change was %s', { timeout: 120_000 }, async (_, delivery) => {
    for (const [i, { name, act }] of steps.entries()) {
      const place = checkpoints.place()
      const checkpoint = await openThrough(place, { request_timeout_ms: 60_000 })
      for (const before of steps.slice(0, i)) await before.act(checkpoint)
      const seen = new Promise<void>(resolve => meetNext({ delivery, answer: 'nothing' }, resolve))
      const refused = expect(act(checkpoint), name).rejects.toMatchObject(fenced)
      await seen
      // The server may still be working on the change: the next owner finds it applied, or it is refused.
      const next = await checkpoints.open(place)
      // Only now, so that it cannot repeat its change before the next owner has the checkpoint.
      proxy.closeConnections()
      await refused
      const reached = stepsTo(steps, next.state)
      expect(delivery === 'never' ? [i] : [i, i + 1], name).toContain(reached)
      expect(stepsTo(steps, (await checkpoints.open(place)).state), name).toBe(reached)
    }
  })
})

describe('a checkpoint in a table that cannot be changed', () => {
  const begin = async (more = {}) => {
    const place = checkpoints.place()
    return { place, checkpoint: await openThrough(place, { retry_timeout_ms: 2_000, ...more }) }
  }

  it.each([
    [
      'the role may not',
      { code: 0x2100, message: 'User loader has no MODIFY permission' },
      'needs SELECT and MODIFY',
    ],
    ['the server refuses it', { code: 0x2200, message: 'Not today' }, 'Not today'],
    ['too few replicas are alive', { code: 0x1000, message: 'Cannot achieve' }, 'Too few replicas are alive'],
    ['no majority answers', timedOut, 'No majority of the replicas answered in time'],
  ])('leads to an error that says why: %s', async (_, answer, words) => {
    // Long, so that no answer comes too late to be the reason.
    const { place, checkpoint } = await begin({ request_timeout_ms: 15_000 })
    proxy.decide = () => ({ delivery: 'never', answer })
    const failed = checkpoint.seal(sealOf(0))
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_IO',
      cause: expect.any(Error),
    })
    await expect(failed).rejects.toThrow(`Cannot write checkpoint \`${place.name}\``)
    await expect(failed).rejects.toThrow(words)
    // There are no retries.
    proxy.decide = () => undefined
    const { writes } = proxy
    await expect(checkpoint.seal(sealOf(0))).rejects.toBe(await failed.catch(error => error))
    expect(proxy.writes).toBe(writes)
    // The next owner finds the state before the change or after it.
    expect((await checkpoints.open(place)).state.sealed).toBeUndefined()
  })

  it('fails within the time limit when no answer ever comes', { timeout: 60_000 }, async () => {
    const { checkpoint } = await begin()
    proxy.decide = () => ({ delivery: 'never', answer: 'nothing' })
    await expect(checkpoint.seal(sealOf(0))).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_IO' })
  })

  it('is settled by one read even if no retries are allowed', async () => {
    const place = checkpoints.place()
    const checkpoint = await openThrough(place, { retry_timeout_ms: 0, request_timeout_ms: 15_000 })
    meetNext({ answer: timedOut })
    await checkpoint.seal(sealOf(0))
    meetNext({ delivery: 'never', answer: timedOut })
    await expect(checkpoint.commit()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_IO' })
    expect((await checkpoints.open(place)).state).toMatchObject({
      committed: undefined,
      sealed: { epoch_id: 0 },
    })
  })

  it('closes without waiting', { timeout: 60_000 }, async () => {
    const place = checkpoints.place()
    const checkpoint = await openThrough(place, { request_timeout_ms: 600_000 })
    const seen = new Promise<void>(resolve => meetNext({ delivery: 'never', answer: 'nothing' }, resolve))
    const failed = expect(checkpoint.seal(sealOf(0))).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_IO',
    })
    await seen
    await checkpoint.close()
    await failed
    proxy.closeConnections()
  })

  it('is not opened after the signal aborts', { timeout: 60_000 }, async () => {
    const leaving = new AbortController()
    const seen = new Promise<void>(resolve => meetNext({ delivery: 'never', answer: 'nothing' }, resolve))
    const opening = openThrough(checkpoints.place(), { request_timeout_ms: 600_000, signal: leaving.signal })
    const failed = expect(opening).rejects.toThrow()
    await seen
    leaving.abort()
    await failed
    proxy.closeConnections()
  })
})
