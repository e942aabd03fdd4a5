import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { OutageProxy } from '../../proxy/outageProxy.ts'

it.each([
  ['torn request', { server: ['abcde', 'end'], client: ['end'] }],
  ['torn answer', { server: ['abcdef', 'end'], client: ['12345', 'end'] }],
  ['reset request', { server: ['abcde', 'ECONNRESET'], client: ['ECONNRESET'] }],
  ['reset answer', { server: ['abcdef', 'ECONNRESET'], client: ['12345', 'ECONNRESET'] }],
] as const)('a connection with a %s ends on both sides as it should', async (weather, seen) => {
  const found: Record<'server' | 'client', string[]> = { server: [], client: [] }
  const watch = (socket: Socket, side: 'server' | 'client') =>
    socket
      .on('data', bytes => found[side].push(String(bytes)))
      .on('end', () => found[side].push('end'))
      .on('error', error => found[side].push('code' in error ? String(error.code) : error.message))
  const server = createServer(socket => {
    watch(socket, 'server').on('data', bytes => bytes.length === 6 && socket.write('123456'))
  })
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const proxy = await OutageProxy.start({ host: '127.0.0.1', port })
  onTestFinished(() => proxy.stop())
  const client = connect(proxy.port, '127.0.0.1')
  watch(client, 'client')
  onTestFinished(() => void client.destroy())
  await once(client, 'connect')
  await vi.waitFor(() => expect(proxy.connections).toBe(1))
  proxy.strike(weather)
  client.write('abcdef')
  await vi.waitFor(() => expect(found).toEqual(seen), { timeout: 10_000 })
})
