import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job, Measured } from './job.ts'

/** Runs one round in a new Node.js process. */
export async function loadInProcess(job: Job): Promise<Measured> {
  const script = fileURLToPath(new URL('load.ts', import.meta.url))
  const args = ['--import', 'tsx', '--expose-gc', script, JSON.stringify(job)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  const code = await new Promise(resolve => child.once('close', resolve))
  if (code !== 0) throw new Error(`The load of ${job.table} ended with code ${code}`)
  return JSON.parse(output) as Measured
}
