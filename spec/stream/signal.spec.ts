import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCassandraWritable, createCassandraWritableStream } from '../../lib/index.ts'
import { FakeClient } from '../fake/fakeClient.ts'

const SINKS = 30

/** Warnings that the process emits while the spec runs. */
function collectWarnings(): Error[] {
  const warnings: Error[] = []
  const collect = (warning: Error) => warnings.push(warning)
  process.on('warning', collect)
  onTestFinished(() => {
    process.off('warning', collect)
  })
  return warnings
}

/** Node emits warnings in the next tick. */
const turn = () => new Promise(resolve => setImmediate(resolve))

describe('one signal for many sinks', () => {
  it('aborts them all, without a warning of too many listeners', async () => {
    const warnings = collectWarnings()
    const controller = new AbortController()
    const { signal } = controller
    const client = new FakeClient().asClient
    const options = { client, keyspace: 'ks', table: 't', signal }
    const ends = Array.from({ length: SINKS }, () => {
      const sink = createCassandraWritable(options)
      return new Promise<Error>(resolve => sink.once('error', resolve))
    })
    const streams = Array.from({ length: SINKS }, () => createCassandraWritableStream(options).getWriter())
    controller.abort(new Error('enough'))
    const errors = await Promise.all(ends)
    expect(errors.map(({ name, cause }) => [name, cause])).toEqual(
      Array.from({ length: SINKS }, () => ['AbortError', signal.reason]),
    )
    for (const { closed } of streams) await expect(closed).rejects.toBe(signal.reason)
    await turn()
    expect(warnings).toEqual([])
  })

  it('has no listener left when they have ended', async () => {
    const { signal } = new AbortController()
    const client = new FakeClient().asClient
    const options = { client, keyspace: 'ks', table: 't', signal }
    const sinks = Array.from({ length: SINKS }, () => createCassandraWritable(options))
    const streams = Array.from({ length: SINKS }, () => createCassandraWritableStream(options))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await Promise.all([
      ...sinks.map(sink => new Promise(resolve => sink.once('close', resolve).end())),
      ...streams.map(stream => stream.close()),
    ])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('ends a sink at once that is created after the abort', async () => {
    const signal = AbortSignal.abort(new Error('before'))
    const client = new FakeClient().asClient
    const sink = createCassandraWritable({ client, keyspace: 'ks', table: 't', signal })
    const error = await new Promise<Error>(resolve => sink.once('error', resolve))
    expect(error).toMatchObject({ name: 'AbortError', cause: signal.reason })
    const writer = createCassandraWritableStream({ client, keyspace: 'ks', table: 't', signal }).getWriter()
    await expect(writer.closed).rejects.toBe(signal.reason)
  })
})
