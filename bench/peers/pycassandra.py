"""One round of PyCassandra: writes a part of a cached DataFrame, then all of it, and prints the seconds of the second write.

The first write starts the Python workers. After it the script prints "ready" and waits for a line, so that the table
can be emptied.
"""

import json
import sys
import time

from cassandra_data_source import CassandraDataSource
from pyspark.sql import SparkSession

job = json.loads(sys.argv[1])
FIRST_ROWS = 30_000
SCHEMA = "id string, n int, a string, b string, d double, t timestamp, f boolean, m int"

spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
spark.dataSource.register(CassandraDataSource)
frame = spark.read.schema(SCHEMA).json(job["file"]).cache()
assert frame.count() == job["rows"]


def write(rows):
    rows.write.format("pycassandra").mode("append").options(
        host=job["host"], port=str(job["port"]), keyspace=job["keyspace"], table=job["table"]
    ).save()


write(frame.limit(FIRST_ROWS).repartition(frame.rdd.getNumPartitions()))
print("ready", flush=True)
sys.stdin.readline()
started = time.monotonic()
write(frame)
print(f"done {time.monotonic() - started}", flush=True)
sys.stdin.readline()
spark.stop()
