import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { bundle } from '../bundle.ts'
import { useKeyspace } from '../integration/keyspace.ts'
import { Topics } from './topics.ts'

const root = resolve(import.meta.dirname, '../..')
const ks = useKeyspace('kafka_example_spec')
const topics = new Topics(inject('brokers'))
const folder = mkdtempSync(join(root, '.examples-kafka-'))
beforeAll(async () => {
  await topics.open()
  await ks.client.execute(
    `CREATE TABLE ${ks.name}.orders (
      customer uuid, placed_at timestamp, total decimal, items list<text>, PRIMARY KEY (customer, placed_at))`,
  )
})
afterAll(async () => {
  await topics.close()
  rmSync(folder, { recursive: true, force: true })
})

const customer = '00000000-0000-4000-8000-000000000001'
const keyAt = (i: number) => `${customer}|${new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString()}`

describe('kafka.ts', () => {
  it('writes orders, deletes those with tombstones, reports bad ones, and leaves the group on SIGTERM', async () => {
    const topic = await topics.make('orders', 2)
    const { host, port } = inject('cassandra')
    const source = readFileSync(join(root, 'examples/kafka.ts'), 'utf8')
      .replaceAll("host: '127.0.0.1'", `host: '${host}', port: ${port}`)
      .replaceAll("'127.0.0.1:9092'", `'${inject('brokers').join()}'`)
      .replaceAll("'orders'", (name, at, text) =>
        text.slice(at - 8, at) === 'topics: ' ? `'${topic}'` : name,
      )
      .replaceAll("'shop'", `'${ks.name}'`)
    writeFileSync(join(folder, 'kafka.ts'), source)
    mkdirSync(join(folder, 'checkpoints'))
    const value = JSON.stringify({ total: '1.50', items: ['tea'] })
    await topics.send(
      topic,
      Array.from({ length: 20 }, (_, i) => ({ key: keyAt(i), value, partition: i % 2 })),
    )
    await topics.send(topic, [
      { key: keyAt(3), value: null, partition: 1 },
      { key: 'nobody', value, partition: 0 },
    ])
    bundle([join(folder, 'kafka.ts')], folder)
    const child = spawn(process.execPath, ['kafka.mjs'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    await vi.waitFor(() => expect(stdout).toContain('2 partitions: 22 messages, 20 written, 1 deleted'), {
      timeout: 60_000,
      interval: 100,
    })
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([0, null])
    expect(stdout).toMatch(/^left after 21 rows$/m)
    expect(stderr).toMatch(
      new RegExp(`^Message at offset 10 of ${topic}/0: Row \\d+ .*, column \`customer\``),
    )
    const rows = await ks.select(`SELECT placed_at, total, items FROM ${ks.name}.orders`)
    expect(rows).toHaveLength(19)
    expect(rows[0]).toMatchObject({ items: ['tea'] })
    expect(String(rows[0]?.['total'])).toBe('1.50')
  })
})
