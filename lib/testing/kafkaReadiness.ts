import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 100

/** Longest time in milliseconds to wait for an answer. */
const ANSWER_MS = 2_000

/**
 * An ApiVersions request of version 0: its length in 4 bytes, key 18, version 0, correlation id 1, and a client id of null.
 * The answer has the correlation id and then an error code of 2 bytes.
 */
const REQUEST = Buffer.from('0000000a0012000000000001ffff', 'hex')

/** Bytes of an answer up to the end of its error code. */
const ANSWER_BYTES = 10

/** Waits until a broker answers a request. Rejects only when the signal is aborted. */
export async function waitForBroker(host: string, port: number, signal: AbortSignal): Promise<void> {
  while (!(await answers(host, port))) {
    await delay(POLL_MS, undefined, { signal }).catch(() => {
      throw new Error(`no Kafka answers at ${host}:${port}`, { cause: signal.reason })
    })
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port })
    let answer = Buffer.alloc(0)
    const finish = (isThere: boolean) => {
      resolve(isThere)
      socket.destroy()
    }
    socket.setTimeout(ANSWER_MS, () => finish(false))
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.once('connect', () => socket.write(REQUEST))
    socket.on('data', chunk => {
      answer = Buffer.concat([answer, chunk])
      if (answer.length >= ANSWER_BYTES) finish(answer.readInt32BE(4) === 1 && answer.readInt16BE(8) === 0)
    })
  })
}
