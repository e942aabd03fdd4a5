import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('release_spec')

const index = pathToFileURL(resolve(import.meta.dirname, '../../lib/index.ts')).href

/** Runs a module with both sinks at hand; resolves to what it printed when it has ended by itself. */
async function run(code: string): Promise<string> {
  const table = await ks.table('id int PRIMARY KEY')
  const options = JSON.stringify({ ...ks.target, table })
  const head = `import { createCassandraWritable, createCassandraWritableStream } from '${index}'
    const options = ${options}
    const turns = async count => { while (count-- > 0) await new Promise(setImmediate) }\n`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', head + code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    let printed = ''
    child.stdout.on('data', data => {
      printed += data
    })
    const [status] = await once(child, 'exit', { signal: AbortSignal.timeout(50_000) })
    expect(status).toBe(0)
    return printed.trim()
  } finally {
    child.kill('SIGKILL')
  }
}

describe('a process ends by itself', () => {
  it('after Node and web sinks were given up at any point of connecting', async () => {
    const printed = await run(`
      for (let count = 0; count < 60; count += 3) {
        const sink = createCassandraWritable(options)
        const stream = createCassandraWritableStream(options)
        await turns(count)
        sink.destroy()
        await stream.abort()
      }
      console.log('given up')`)
    expect(printed).toBe('given up')
  })

  it('after connecting was given up because the time was over', async () => {
    // The driver keeps sockets when its own time limits end its connect(), so that here only ours does.
    const printed = await run(`
      const client_options = { socketOptions: { connectTimeout: 5000, readTimeout: 5000 } }
      const codes = new Set()
      for (let request_timeout_ms = 1; request_timeout_ms < 60; request_timeout_ms += 3) {
        const sink = createCassandraWritable({ ...options, client_options, request_timeout_ms })
        sink.on('error', error => codes.add(error.code))
        sink.end()
        await new Promise(resolve => sink.on('close', resolve))
      }
      console.log(...codes)`)
    expect(printed).toContain('ERR_CASSANDRA_CONNECT')
  })
})
