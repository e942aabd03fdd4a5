import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

/** A folder for the checkpoints of a spec file. */
export class CheckpointFolder {
  path = ''
  #files = 0

  /** The path of a new checkpoint. */
  location(): string {
    return join(this.path, `${++this.#files}.checkpoint`)
  }
}

/** Call at the top of a spec file. */
export function useCheckpoints(): CheckpointFolder {
  const folder = new CheckpointFolder()
  beforeAll(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'checkpoints-'))
  })
  afterAll(() => rm(folder.path, { recursive: true, force: true }))
  return folder
}

/** Kinds of the records in a checkpoint file, in order. */
export async function recordsIn(location: string): Promise<string[]> {
  const text = await readFile(location, 'utf8')
  return [...text.matchAll(/\{"(target|commit|seal|reseal)"/g)].map(([, kind]) => kind ?? '')
}
