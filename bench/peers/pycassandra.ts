import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Measured } from '../job.ts'
import { machineSeconds } from '../machine.ts'
import { ProcessTree } from '../processTree.ts'
import type { Round } from '../round.ts'
import { KEYSPACE } from '../server.ts'

/**
 * PyCassandra on PySpark. `PYCASSANDRA_PYTHON` is a Python that has pyspark, pyarrow, pandas and cassandra-driver.
 * `PYCASSANDRA_PATH` is the folder with `cassandra_data_source`. The time is that of the second write of a cached DataFrame,
 * when the workers already run. The CPU is that of all its processes during that write.
 */
export async function pycassandra({ server, table, rows, file }: Round): Promise<Measured> {
  const { PYCASSANDRA_PYTHON: python, PYCASSANDRA_PATH: path } = process.env
  if (python === undefined || path === undefined) {
    throw new Error('PYCASSANDRA_PYTHON and PYCASSANDRA_PATH are not set')
  }
  const { contactPoints, port } = server.access
  const host = contactPoints.map(point => point.replace(/:\d+$/, '')).join()
  const job = JSON.stringify({ host, port, keyspace: KEYSPACE, table, rows, file })
  const script = fileURLToPath(new URL('pycassandra.py', import.meta.url))
  const env = { ...process.env, PYTHONPATH: path, PYSPARK_PYTHON: python, PYSPARK_DRIVER_PYTHON: python }
  const from = performance.now()
  const child = spawn(python, [script, job], { env })
  using tree = new ProcessTree(child.pid ?? Number.NaN)
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    complaints += text
  })
  const ended = new Promise(resolve => child.once('close', resolve))
  let cpuFrom = 0
  let machineFrom = 0
  let found: Measured | undefined
  for await (const line of createInterface(child.stdout)) {
    const [word, seconds] = line.split(' ')
    if (word === 'ready') {
      await server.truncate(table)
      await tree.sample()
      cpuFrom = tree.cpuSeconds
      machineFrom = machineSeconds()
      child.stdin.write('\n')
    } else if (word === 'done') {
      await tree.sample()
      const cpu_seconds = tree.cpuSeconds - cpuFrom
      found = {
        seconds: Number(seconds),
        wall_seconds: (performance.now() - from) / 1000,
        cpu_seconds,
        other_cpu_seconds: machineSeconds() - machineFrom - cpu_seconds,
        peak_mib: tree.peakMib,
        before_mib: 0,
      }
      child.stdin.write('\n')
    }
  }
  const code = await ended
  if (code !== 0 || found === undefined)
    throw new Error(`PyCassandra ended with code ${code}:\n${complaints}`)
  return found
}
