import { constants } from 'node:fs'
import * as nodeFs from 'node:fs/promises'

/** What is asked of an open file. */
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

/** All that is asked of a file system, so that specs can make each call fail. Only `realpath` follows links. */
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

/** Paths are resolved once, so a link at the end of one was put there later. Windows lacks the flag. */
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
