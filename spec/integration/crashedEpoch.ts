import type { Client } from 'cassandra-driver'
import { expect } from 'vitest'
import { createMicroBatchSink, type MicroBatchSinkOptions } from '../../lib/index.ts'
import { stateIn } from '../crash/checkpointState.ts'
import type { Keyspace } from './keyspace.ts'

/** Seals the rows as epoch 0, lets some of the requests reach Cassandra, and crashes before any is acknowledged. */
export async function crash(
  ks: Keyspace,
  options: MicroBatchSinkOptions,
  rows: readonly object[],
  arrives: (request: number) => boolean,
): Promise<void> {
  let requests = 0
  let seen: (() => void) | undefined
  const sent = new Promise<void>(resolve => {
    seen = resolve
  })
  const execute = async (cql: string, binds: unknown[], how: object) => {
    if (/^(?:SELECT|DESCRIBE) /.test(cql)) return ks.client.execute(cql, binds, how)
    if (arrives(requests++)) await ks.client.execute(cql, binds, how)
    seen?.()
    return new Promise(() => {})
  }
  const client = Object.create(ks.client, { execute: { value: execute } }) as Client
  const { host, port, username, password, ...others } = options
  const sink = createMicroBatchSink({ ...others, client })
  const epoch = sink.writeEpoch(0, rows)
  await sent
  sink.destroy()
  await expect(epoch).rejects.toThrow()
  expect(stateIn(options.checkpoint_location).sealed).toMatchObject({ epoch_id: 0, rows: rows.length })
}
