import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Measured } from './job.ts'
import { type Access, KEYSPACE } from './server.ts'
import { wholeProcess } from './wholeProcess.ts'

/** The input of the Node.js process of one round. */
export interface Reading {
  readonly access: Access
  readonly keyspace: string
  readonly table: string
  readonly method: 'ours' | 'stream'
}

/** The measurements of a reader, and the number of rows that it reports. */
export type Read = Measured & { readonly rows: number }

/** Reads all rows of a table in a new process. */
export interface Reader {
  readonly name: string
  readonly run: (access: Access, table: string) => Promise<Read>
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const inNode = (name: string, method: Reading['method']): Reader => ({
  name,
  run: async (access, table) => {
    const reading: Reading = { access, keyspace: KEYSPACE, table, method }
    const args = [script('reading.mjs'), JSON.stringify(reading)]
    const { output, measured } = await wholeProcess(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    // The process measures its own CPU more exactly than samples from outside.
    const own = JSON.parse(output) as Pick<Read, 'rows' | 'cpu_seconds' | 'peak_mib'>
    const other_cpu_seconds = measured.other_cpu_seconds + measured.cpu_seconds - own.cpu_seconds
    return { ...measured, ...own, other_cpu_seconds }
  },
})

const hostsOf = ({ contactPoints }: Access) => contactPoints.map(point => point.replace(/:\d+$/, '')).join()

/** DSBulk from the jars in `DSBULK_CLASSPATH`. The rows that it unloads are dropped. */
async function dsbulk(access: Access, table: string): Promise<Read> {
  const classpath = process.env['DSBULK_CLASSPATH']
  if (classpath === undefined) throw new Error('DSBULK_CLASSPATH is not set')
  const folder = await mkdtemp(join(tmpdir(), 'dsbulk-'))
  try {
    const flags = [
      '-h',
      hostsOf(access),
      '-port',
      String(access.port),
      '-k',
      KEYSPACE,
      '-t',
      table,
      '-c',
      'json',
    ]
    const main = 'com.datastax.oss.dsbulk.runner.DataStaxBulkLoader'
    const args = ['-cp', classpath, main, 'unload', ...flags, '-cl', 'LOCAL_ONE', '-logDir', folder]
    // Rows go to standard output, reports to standard error.
    const { output, measured } = await wholeProcess('java', args, {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const total = [...output.matchAll(/^ *([\d,]+) \| +0 \|/gm)].at(-1)?.[1]
    return { ...measured, rows: Number(total?.replaceAll(',', '')) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** PyCassandra in the Python of `PYCASSANDRA_PYTHON`, including the start of Spark. */
async function pycassandra(access: Access, table: string): Promise<Read> {
  const { PYCASSANDRA_PYTHON: python, PYCASSANDRA_PATH: path } = process.env
  if (python === undefined || path === undefined) {
    throw new Error('PYCASSANDRA_PYTHON and PYCASSANDRA_PATH are not set')
  }
  const job = { host: hostsOf(access), port: access.port, keyspace: KEYSPACE, table }
  const env = { ...process.env, PYTHONPATH: path, PYSPARK_PYTHON: python, PYSPARK_DRIVER_PYTHON: python }
  const args = [script('peers/pycassandraRead.py'), JSON.stringify(job)]
  const { output, measured } = await wholeProcess(python, args, { env })
  return { ...measured, rows: Number(/^rows (\d+)$/m.exec(output)?.[1]) }
}

const readers: Readonly<Record<string, Reader>> = {
  stream: inNode("the driver's stream", 'stream'),
  dsbulk: { name: 'DSBulk 1.10', run: dsbulk },
  pycassandra: { name: 'PyCassandra', run: pycassandra },
  ours: inNode('ours', 'ours'),
}

/** Names of the installed readers, ours included. */
export function defaultReaders(): string {
  const { DSBULK_CLASSPATH, PYCASSANDRA_PYTHON } = process.env
  const peers = [DSBULK_CLASSPATH && 'dsbulk', PYCASSANDRA_PYTHON && 'pycassandra']
  return ['stream', ...peers.filter(Boolean), 'ours'].join()
}

/** The readers in the list `names`, in its order. */
export function readersNamed(names: string): Reader[] {
  return names.split(',').map(name => {
    const reader = readers[name]
    if (reader === undefined) {
      throw new Error(`Expected --peers to list some of ${Object.keys(readers).join(', ')}, got ${name}`)
    }
    return reader
  })
}
