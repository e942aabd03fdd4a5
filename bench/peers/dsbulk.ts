import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Measured } from '../job.ts'
import { machineSeconds } from '../machine.ts'
import { ProcessTree } from '../processTree.ts'
import type { Round } from '../round.ts'
import { KEYSPACE } from '../server.ts'

/**
 * DSBulk from the jars in `DSBULK_CLASSPATH` (`folder/*`). The time is the one that DSBulk reports for the operation, without
 * the start of the JVM. CPU and memory are those of the whole process.
 */
export async function dsbulk({ server, table, file }: Round): Promise<Measured> {
  const classpath = process.env['DSBULK_CLASSPATH']
  if (classpath === undefined) throw new Error('DSBULK_CLASSPATH is not set')
  const { contactPoints, port } = server.access
  const folder = await mkdtemp(join(tmpdir(), 'dsbulk-'))
  const host = contactPoints.map(point => point.replace(/:\d+$/, '')).join()
  const flags = ['-h', host, '-port', String(port), '-k', KEYSPACE, '-t', table, '-c', 'json', '-url', file]
  const args = ['-cp', classpath, 'com.datastax.oss.dsbulk.runner.DataStaxBulkLoader', 'load', ...flags]
  const from = performance.now()
  const machineFrom = machineSeconds()
  const child = spawn('java', [...args, '-cl', 'LOCAL_QUORUM', '-logDir', folder], { cwd: folder })
  using tree = new ProcessTree(child.pid ?? Number.NaN)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  }
  const code = await new Promise(resolve => child.once('close', resolve))
  const wall_seconds = (performance.now() - from) / 1000
  const other_cpu_seconds = machineSeconds() - machineFrom - tree.cpuSeconds
  await rm(folder, { recursive: true, force: true })
  if (code !== 0) throw new Error(`DSBulk ended with code ${code}:\n${output}`)
  const seconds = reportedSeconds(output)
  return {
    seconds,
    wall_seconds,
    cpu_seconds: tree.cpuSeconds,
    other_cpu_seconds,
    peak_mib: tree.peakMib,
    before_mib: 0,
  }
}

/** From the last line of its progress, because DSBulk prints the duration in whole seconds only. */
function reportedSeconds(output: string): number {
  const lines = [...output.matchAll(/^ *([\d,]+) \| +0 \| +([\d,]+) \|/gm)]
  const [total = Number.NaN, rate = Number.NaN] = lines.at(-1)?.slice(1).map(plain) ?? []
  if (!(total / rate > 0)) throw new Error(`DSBulk reports no rate:\n${output}`)
  return total / rate
}

const plain = (text: string) => Number(text.replaceAll(',', ''))
