import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
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
