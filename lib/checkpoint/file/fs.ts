import { constants } from 'node:fs'
import * as nodeFs from 'node:fs/promises'

/** The calls that a checkpoint makes on an open file. */
export interface CheckpointFile {
  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>
  datasync(): Promise<void>
  sync(): Promise<void>
  stat(options: { bigint: true }): Promise<FileStat>
  close(): Promise<void>
}

export interface FileStat {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mode: bigint
  readonly uid: bigint
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

/** The calls that a checkpoint makes on a file system. Specs make each of them fail. Only `realpath` follows links. */
export interface CheckpointFs {
  open(path: string, flags: 'r' | 'ax', mode?: number): Promise<CheckpointFile>
  lstat(path: string, options: { bigint: true }): Promise<FileStat>
  realpath(path: string): Promise<string>
  readlink(path: string): Promise<string>
  readdir(path: string): Promise<string[]>
  link(existing: string, path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
}

/** Refuses a link at the end of a path. Paths are already resolved, so such a link was put there later. Windows lacks the flag. */
const READ_NO_LINK = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)

export const realFs: CheckpointFs = {
  // `ax` includes O_EXCL, which fails on a link.
  open: (path, flags, mode) => nodeFs.open(path, flags === 'r' ? READ_NO_LINK : flags, mode),
  lstat: (path, options) => nodeFs.lstat(path, options),
  realpath: path => nodeFs.realpath(path),
  readlink: path => nodeFs.readlink(path),
  readdir: path => nodeFs.readdir(path),
  link: (existing, path) => nodeFs.link(existing, path),
  rename: (from, to) => nodeFs.rename(from, to),
  unlink: path => nodeFs.unlink(path),
}
