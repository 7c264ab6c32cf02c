"""Pages as the usual exporters write them, twice: at the first reading and ten seconds later."""

HIKARICP = (
    """# HELP hikaricp_connections_active Active connections
# TYPE hikaricp_connections_active gauge
hikaricp_connections_active{pool="main",} 3.0
hikaricp_connections_idle{pool="main",} 7.0
hikaricp_connections_max{pool="main",} 10.0
hikaricp_connections_pending{pool="main",} 0.0
hikaricp_connections_timeout_total{pool="main",} 5.0
hikaricp_connections_acquire_seconds_count{pool="main",} 100.0
hikaricp_connections_acquire_seconds_sum{pool="main",} 2.0
hikaricp_connections_acquire_seconds_max{pool="main",} 0.3
""",
    """hikaricp_connections_active{pool="main",} 10.0
hikaricp_connections_idle{pool="main",} 0.0
hikaricp_connections_max{pool="main",} 10.0
hikaricp_connections_pending{pool="main",} 4.0
hikaricp_connections_timeout_total{pool="main",} 25.0
hikaricp_connections_acquire_seconds_count{pool="main",} 140.0
hikaricp_connections_acquire_seconds_sum{pool="main",} 22.0
hikaricp_connections_acquire_seconds_max{pool="main",} 0.9
""",
    {"pool_max": 10, "pool_active": 10, "pool_idle": 0, "pool_waiting": 4, "pool_errors_per_s": 2,
     "pool_wait_ms": 500, "pool_wait_ms_per_s": 2000},
)  # fmt: skip

PGBOUNCER = (
    """pgbouncer_databases_pool_size{name="app",host="db"} 20
pgbouncer_pools_server_active_connections{database="app",user="app"} 2
pgbouncer_pools_server_active_connections{database="app",user="jobs"} 1
pgbouncer_pools_server_idle_connections{database="app",user="app"} 5
pgbouncer_pools_client_waiting_connections{database="app",user="app"} 0
pgbouncer_stats_client_wait_seconds_total{database="app"} 1.5
pgbouncer_stats_queries_duration_seconds_total{database="app"} 10
pgbouncer_stats_queries_pooled_total{database="app"} 1000
""",
    """pgbouncer_databases_pool_size{name="app",host="db"} 20
pgbouncer_pools_server_active_connections{database="app",user="app"} 19
pgbouncer_pools_server_active_connections{database="app",user="jobs"} 1
pgbouncer_pools_server_idle_connections{database="app",user="app"} 0
pgbouncer_pools_client_waiting_connections{database="app",user="app"} 31
pgbouncer_stats_client_wait_seconds_total{database="app"} 21.5
pgbouncer_stats_queries_duration_seconds_total{database="app"} 20
pgbouncer_stats_queries_pooled_total{database="app"} 1500
""",
    {"pool_max": 20, "pool_active": 20, "pool_idle": 0, "pool_waiting": 31, "pool_wait_ms_per_s": 2000,
     "database_query_ms": 20},
)  # fmt: skip

SQLALCHEMY = (
    'db_client_connections_usage{pool_name="app",state="idle"} 4\n'
    'db_client_connections_usage{pool_name="app",state="used"} 1\n',
    'db_client_connections_usage{pool_name="app",state="idle"} 0\n'
    'db_client_connections_usage{pool_name="app",state="used"} 5 # {trace_id="a} b"} 1.0\n# EOF\n',
    {"pool_active": 5, "pool_idle": 0},
)

PSYCOPG = (
    '{"pool_min": 4, "pool_max": 10, "pool_size": 4, "pool_available": 4, "requests_waiting": 0,'
    ' "requests_num": 9, "requests_queued": 0, "requests_wait_ms": 0}',
    '{"pool_min": 4, "pool_max": 10, "pool_size": 10, "pool_available": 1, "requests_waiting": 2,'
    ' "requests_num": 90, "requests_queued": 40, "requests_wait_ms": 8000}',
    {"pool_max": 10, "pool_active": 9, "pool_idle": 1, "pool_waiting": 2, "pool_waits_per_s": 4,
     "pool_wait_ms": 200, "pool_wait_ms_per_s": 800},
)  # fmt: skip

SQLX = (
    "sqlx_pool_max_connections 10\nsqlx_pool_size 10\nsqlx_pool_idle 10\n",
    "sqlx_pool_max_connections 10\nsqlx_pool_size 10\nsqlx_pool_idle 2\n",
    {"pool_max": 10, "pool_active": 8, "pool_idle": 2},
)

DEADPOOL = (
    "deadpool_max_size 16\ndeadpool_size 3\ndeadpool_available 3\ndeadpool_waiting 0\n",
    "deadpool_max_size 16\ndeadpool_size 16\ndeadpool_available 0\ndeadpool_waiting 7\n",
    {"pool_max": 16, "pool_active": 16, "pool_idle": 0, "pool_waiting": 7},
)

# Lines of a real Synapse 1.163 (python -m benchmarks.synapse), fewer and with other figures.
SYNAPSE = (
    """# HELP synapse_threadpool_total_threads Total number of threads currently in the threadpool
# TYPE synapse_threadpool_total_threads gauge
synapse_threadpool_total_threads{name="database-master",server_name="a.example"} 5.0
synapse_threadpool_total_threads{name="default",server_name="a.example"} 1.0
synapse_threadpool_total_threads{name="gai_resolver",server_name="a.example"} 5.0
# TYPE synapse_threadpool_working_threads gauge
synapse_threadpool_working_threads{name="database-master",server_name="a.example"} 1.0
synapse_threadpool_working_threads{name="default",server_name="a.example"} 0.0
# TYPE synapse_threadpool_min_threads gauge
synapse_threadpool_min_threads{name="database-master",server_name="a.example"} 5.0
# TYPE synapse_threadpool_max_threads gauge
synapse_threadpool_max_threads{name="database-master",server_name="a.example"} 20.0
synapse_threadpool_max_threads{name="default",server_name="a.example"} 10.0
synapse_threadpool_max_threads{name="gai_resolver",server_name="a.example"} 20.0
# TYPE synapse_storage_schedule_time histogram
synapse_storage_schedule_time_bucket{le="0.005",server_name="a.example"} 90.0
synapse_storage_schedule_time_count{server_name="a.example"} 100.0
synapse_storage_schedule_time_sum{server_name="a.example"} 1.0
synapse_storage_schedule_time_created{server_name="a.example"} 1.764e+09
# TYPE synapse_storage_query_time histogram
synapse_storage_query_time_count{server_name="a.example",verb="SELECT"} 200.0
synapse_storage_query_time_sum{server_name="a.example",verb="SELECT"} 2.0
# TYPE synapse_util_caches_cache_hits gauge
synapse_util_caches_cache_hits{name="*getEvent*",server_name="a.example"} 10.0
# TYPE synapse_util_caches_cache gauge
synapse_util_caches_cache{name="*getEvent*",server_name="a.example"} 20.0
# TYPE python_twisted_reactor_tick_time histogram
python_twisted_reactor_tick_time_count 5000.0
python_twisted_reactor_tick_time_sum 5.0
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.26e+08
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.0
""",
    """synapse_threadpool_total_threads{name="database-master",server_name="a.example"} 18.0
synapse_threadpool_total_threads{name="default",server_name="a.example"} 10.0
synapse_threadpool_working_threads{name="database-master",server_name="a.example"} 18.0
synapse_threadpool_working_threads{name="default",server_name="a.example"} 10.0
synapse_threadpool_max_threads{name="database-master",server_name="a.example"} 20.0
synapse_threadpool_max_threads{name="default",server_name="a.example"} 10.0
synapse_storage_schedule_time_bucket{le="0.005",server_name="a.example"} 95.0
synapse_storage_schedule_time_count{server_name="a.example"} 200.0
synapse_storage_schedule_time_sum{server_name="a.example"} 11.0
synapse_storage_query_time_count{server_name="a.example",verb="SELECT"} 250.0
synapse_storage_query_time_sum{server_name="a.example",verb="SELECT"} 3.0
synapse_storage_query_time_count{server_name="a.example",verb="INSERT"} 50.0
synapse_storage_query_time_sum{server_name="a.example",verb="INSERT"} 1.0
synapse_util_caches_cache_hits{name="*getEvent*",server_name="a.example"} 110.0
synapse_util_caches_cache{name="*getEvent*",server_name="a.example"} 140.0
python_twisted_reactor_tick_time_count 5400.0
python_twisted_reactor_tick_time_sum 9.0
process_resident_memory_bytes 1.5e+08
process_cpu_seconds_total 21.0
""",
    {"pool_max": 20, "pool_active": 18, "pool_wait_ms": 100, "pool_wait_ms_per_s": 1000,
     "hash_workers_max": 10, "hash_workers_busy": 10, "database_query_ms": 20,
     "cache_hits_per_s": 10, "cache_misses_per_s": 2,
     "loop_lag_ms": 10, "cpu_percent": 90, "memory_mb": 150},
)  # fmt: skip

EXPORTERS = {
    "hikaricp": HIKARICP,
    "pgbouncer": PGBOUNCER,
    "sqlalchemy": SQLALCHEMY,
    "psycopg": PSYCOPG,
    "sqlx": SQLX,
    "deadpool": DEADPOOL,
    "synapse": SYNAPSE,
}
"""By the map of config/probes: both pages, and what our signals must be after the second."""
