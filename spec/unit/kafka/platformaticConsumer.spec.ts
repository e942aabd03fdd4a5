import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { execPath } from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import * as platformatic from '@platformatic/kafka'
import { expect, it, onTestFinished, vi } from 'vitest'
import { newConsumer } from '../../../lib/kafka/platformaticConsumer.ts'
import { SilentBrokers } from '../../../lib/kafka/silentBrokers.ts'

/** A broker that hangs: its system accepts connections, and nothing answers. */
async function hangingBroker() {
  const broker = { address: '', connections: 0, open: 0 }
  const server = createServer(socket => {
    broker.connections++
    broker.open++
    socket.resume()
    socket.on('close', () => broker.open--)
  })
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  broker.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return broker
}

it('a consumer ends connections to brokers that do not answer, and asks each of them', async () => {
  const brokers = [await hangingBroker(), await hangingBroker()]
  const silent = Object.assign(new SilentBrokers({ retry_timeout_ms: 60_000 }), { limit_ms: 100 })
  const consumer = newConsumer(platformatic, silent, {
    clientId: 'spec',
    groupId: 'g',
    bootstrapBrokers: brokers.map(({ address }) => address),
    retries: 1,
    retryDelay: 10,
  })
  const asked = consumer.metadata({ topics: ['t'] })
  const text = await asked.catch((error: Error) => JSON.stringify(error, Object.getOwnPropertyNames(error)))
  expect(text).toContain(`The broker at ${brokers[0]?.address} has not answered within 100 ms`)
  expect(brokers.map(({ connections }) => connections > 0)).toEqual([true, true])
  await consumer.close(true)
  await vi.waitFor(() => expect(brokers.map(({ open }) => open)).toEqual([0, 0]))
})

/** A server that accepts nothing. Its system queues as many connections as fit, and drops every further attempt. */
const notAccepting = `
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

/** A broker that answers no attempt to connect, like a machine without power. */
async function droppingBroker() {
  const child = spawn(execPath, ['-e', notAccepting], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  const broker = { host: '127.0.0.1', port: Number(String(said)) }
  // Until an attempt hangs, the queue has room.
  for (let isFull = false; !isFull; ) {
    const socket = connect(broker)
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    isFull = await Promise.race([once(socket, 'connect').then(() => false), delay(500, true)])
  }
  return broker
}

it('a consumer notes that a broker does not even answer attempts to connect, so that others are asked before it', async () => {
  const dropping = await droppingBroker()
  const other = { host: '127.0.0.2', port: 1 }
  const silent = new SilentBrokers({ retry_timeout_ms: 60_000 })
  const consumer = newConsumer(platformatic, silent, {
    clientId: 'spec',
    groupId: 'g',
    bootstrapBrokers: [`${dropping.host}:${dropping.port}`],
    connectTimeout: 300,
    retries: 0,
  })
  await expect(consumer.metadata({ topics: ['t'] })).rejects.toThrow()
  const later = performance.now() + 2_000
  expect(silent.ordered([dropping, other], later)).toEqual([other, dropping])
  await consumer.close(true)
})
