import { afterEach, beforeEach, expect } from 'vitest'
import {
  type CassandraWritableOptions,
  type CassandraWritableStream,
  createCassandraWritableStream,
} from '../../lib/index.ts'
import { FakeClient, type FakeColumn } from '../fake/fakeClient.ts'
import { row, settled } from './support.ts'

export interface WebScene {
  readonly client: FakeClient
  readonly stream: CassandraWritableStream
  /** Names of promises in the order in which they settled: `write 1`, or `!write 2` if rejected. */
  readonly events: string[]
  /** Records when and how a promise settles. Resolves to its value, or to the reason of its rejection. */
  note(name: string, promise: Promise<unknown>): Promise<unknown>
}

/** A WHATWG sink with a fake client. */
export function webScene(
  options: Partial<CassandraWritableOptions> = {},
  change: (client: FakeClient) => void = () => {},
  columns?: readonly FakeColumn[],
): WebScene {
  const client = new FakeClient(columns)
  change(client)
  const stream = createCassandraWritableStream({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    flush_interval_ms: 0,
    ...options,
  })
  const events: string[] = []
  const note = (name: string, promise: Promise<unknown>) =>
    promise.then(
      value => {
        events.push(name)
        return value
      },
      (reason: unknown) => {
        events.push(`!${name}`)
        return reason
      },
    )
  return { client, stream, events, note }
}

export const automatic = (client: FakeClient) => {
  client.automatic = true
}

/** The reason of a rejection. Fails if the promise is not rejected. */
export async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (reason) {
    return reason
  }
  throw new Error(`Expected a rejection, got ${String(value)}`)
}

/** Call at the top of a spec file: fails a spec that leaves a rejection unhandled. */
export function noUnhandledRejections(): void {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  beforeEach(() => process.on('unhandledRejection', note))
  afterEach(async () => {
    await settled()
    process.off('unhandledRejection', note)
    expect(unhandled.splice(0)).toEqual([])
  })
}

export function rowsOf(count: number): ReadableStream<{ id: number; v: string }> {
  let id = 0
  return new ReadableStream({
    pull: controller => (id < count ? controller.enqueue(row(id++)) : controller.close()),
  })
}

/** An endless source of rows. */
export class Endless {
  cancelled: unknown

  pull(controller: { enqueue(chunk: unknown): void }) {
    controller.enqueue(row(1))
  }

  cancel(reason: unknown) {
    this.cancelled = reason
  }
}
