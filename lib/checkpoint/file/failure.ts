import { CheckpointError } from '../../errors.ts'
import { codeIn, messageIn } from '../../realm.ts'

/** What the errors of the operating system mean, and what to do about them. */
const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'Its folder does not exist: create it',
  ENOTDIR: 'A part of its path is a file where a folder should be',
  EACCES: 'This process may not write there: change the permissions of the folder, or use another one',
  EPERM: 'This process may not write there: change the permissions of the folder, or use another one',
  EROFS: 'The file system is read-only: keep the checkpoint on another one',
  ENOSPC: 'The disk is full: make room, then start again',
  EDQUOT: 'The disk quota is used up: make room, then start again',
  EMFILE: 'This process has too many open files: raise its limit',
  ENFILE: 'This machine has too many open files: raise its limit',
}

/** Turns an error of the operating system into a CheckpointError with advice. A CheckpointError stays as it is. */
export function explainFailure(error: unknown, location: string, verb: 'open' | 'write'): CheckpointError {
  if (error instanceof CheckpointError) return error
  const remedy = remedies[codeIn(error) ?? '']
  const advice = remedy === undefined ? '' : `. ${remedy}`
  return new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_IO',
    `Cannot ${verb} checkpoint ${location}: ${messageIn(error)}${advice}`,
    { location, cause: error },
  )
}
