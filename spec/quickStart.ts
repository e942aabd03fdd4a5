/** The variable of the environment from which `java` takes more options. */
export const JAVA_OPTIONS = 'JDK_JAVA_OPTIONS'

/**
 * Environment of specs that start servers. A server that lives for minutes spends a third of its start on compiling what it
 * hardly runs: the first of Java's two compilers is enough for it.
 */
export const quickStart = { [JAVA_OPTIONS]: '-XX:TieredStopAtLevel=1' }

/** The same for a server that is never started again, since it may then lose tables: it creates one in 15 ms instead of 100. */
export const neverRestarted = {
  [JAVA_OPTIONS]: `${quickStart[JAVA_OPTIONS]} -Dcassandra.test.flush_local_schema_changes=false`,
}
