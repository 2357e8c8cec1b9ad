"""The embedded pair against the real servers."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg2
import pytest

from cli.stack.embedded import EmbeddedPair
from cli.stack.errors import DataVersionError, ServerDidNotStartError
from cli.stack.paths import StackPaths
from cli.stack.sockets import wait_until
from cli.stack.supervisor import Supervisor


def query(pair, sql):
    connection = psycopg2.connect(pair.psql_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
    connection.close()
    return row


def test_nearest_by_halfvec_cosine_distance_is_answered_by_an_hnsw_index(pair):
    sql = """
        CREATE TEMP TABLE e (id int, vec halfvec(3));
        INSERT INTO e VALUES (1, '[1,0,0]'), (2, '[0,1,0]'), (3, '[0.9,0.1,0]');
        CREATE INDEX ON e USING hnsw (vec halfvec_cosine_ops);
        SET LOCAL enable_seqscan = off;
        SELECT array_agg(id) FROM (SELECT id FROM e ORDER BY vec <=> '[1,0,0]' LIMIT 2) nearest
    """
    assert query(pair, sql) == ([1, 3],)


def test_the_server_stores_utf8_is_durable_and_listens_on_no_tcp_port(pair):
    names = ("server_encoding", "fsync", "jit", "listen_addresses")
    values = tuple(query(pair, f"SHOW {name}")[0] for name in names)
    assert values == ("UTF8", "on", "off", "")


def test_the_servers_are_out_of_reach_of_the_terminals_ctrl_c(pair, server_pids):
    sessions = {os.getsid(pid) for pid in server_pids(pair)}
    assert os.getsid(0) not in sessions


def test_a_supervisor_brings_back_a_killed_server(pair, server_pids, running, home):
    with Supervisor([], logs=None, health=pair.ensure_running) as supervisor:
        os.kill(server_pids(pair)[1], 9)
        assert wait_until(lambda: running(home) == (True, False), timeout_s=5)
        assert wait_until(lambda: supervisor.poll() or running(home) == (True, True), timeout_s=10)


def test_a_celery_worker_takes_a_message_from_the_broker(pair, tmp_path):
    done = tmp_path / "done"
    script = tmp_path / "app.py"
    script.write_text(
        "import pathlib, sys\n"
        "from celery import Celery\n"
        "app = Celery(broker=sys.argv[1])\n"
        "@app.task(name='write', ignore_result=True)\n"
        "def write(path, text): pathlib.Path(path).write_text(text)\n"
        "write.delay(sys.argv[2], 'taken')\n"
        "app.worker_main(['worker', '-P', 'threads', '-c', '1', '--without-gossip', '--without-mingle'])\n"
    )
    worker = subprocess.Popen([sys.executable, script, pair.broker_url, done], stderr=subprocess.PIPE)
    try:
        assert wait_until(done.exists, timeout_s=30)
        assert wait_until(lambda: done.read_text() == "taken", timeout_s=5)
    finally:
        worker.terminate()
        worker.communicate(timeout=20)


def test_two_processes_share_a_home_and_the_last_one_stops_the_servers(home, user, running):
    first, second = user(home), user(home)
    first.communicate("leave\n")
    assert running(home) == (True, True)
    second.communicate("leave\n")
    assert second.returncode == 0
    assert running(home) == (False, False)


def test_two_pairs_in_one_process_share_a_home_too(home, running):
    with ThreadPoolExecutor() as threads:
        first, second = threads.map(EmbeddedPair.start, [home, home])
    first.stop()
    first.stop()
    assert running(home) == (True, True)
    second.stop()
    assert running(home) == (False, False)


def test_servers_left_by_a_killed_user_are_used_and_stopped_by_the_next(home, user, running, server_pids):
    killed = user(home)
    killed.kill()
    killed.wait()
    assert running(home) == (True, True)
    with EmbeddedPair.start(home) as pair:
        after = server_pids(pair)
        with EmbeddedPair.start(home) as again:
            assert server_pids(again) == after
        assert running(home) == (True, True)
    assert running(home) == (False, False)


def test_killed_servers_come_back_on_the_same_urls_with_their_data(home, server_pids):
    with EmbeddedPair.start(home) as pair:
        urls = pair.database_url, pair.broker_url
        query(pair, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
        postgres, valkey = server_pids(pair)
        os.kill(valkey, 9)
        os.kill(postgres, 9)
        assert wait_until(lambda: bool(pair.ensure_running()), timeout_s=10)
        assert wait_until(lambda: pair.ensure_running() == (), timeout_s=10)
        assert (pair.database_url, pair.broker_url) == urls
        assert query(pair, "SELECT answer FROM kept") == (42,)
        assert not {postgres, valkey} & set(server_pids(pair))


def test_servers_that_lost_their_sockets_are_replaced_and_not_left_writing(home, server_pids):
    paths = StackPaths.of(home)
    with EmbeddedPair.start(home) as pair:
        lost = server_pids(pair)
        paths.postgres_socket.unlink()
        paths.valkey_socket.unlink()
        assert pair.ensure_running() == ("valkey", "postgres")
        assert not set(lost) & set(server_pids(pair))
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in lost)


def test_a_first_start_that_is_killed_half_way_does_not_block_the_next(tmp_path):
    home = tmp_path / "home"
    command = [sys.executable, "-c", "import sys; from pathlib import Path; from cli.stack.embedded import "]
    command[-1] += "EmbeddedPair as E; E.start(Path(sys.argv[1]))"
    killed = subprocess.Popen([*command, str(home)])
    assert wait_until(lambda: any(home.glob("postgres.new-*/base")), timeout_s=20, every_s=0.005)
    killed.kill()
    killed.wait()
    with EmbeddedPair.start(home) as pair:
        assert query(pair, "SELECT 1") == (1,)


def test_a_pid_file_that_names_an_unrelated_process_does_not_block_a_start(home):
    EmbeddedPair.start(home).stop()
    paths = StackPaths.of(home)
    owner = paths.postgres.stat().st_uid
    # The same account's: PostgreSQL itself sees through a pid of another one.
    unrelated = subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None)
    paths.run.mkdir()
    lines = [str(unrelated.pid), str(paths.postgres), "1", "5432", str(paths.run), "", "0 0", "ready"]
    for left in (paths.postgres / "postmaster.pid", paths.run / ".s.PGSQL.5432.lock"):
        left.write_text("\n".join(lines) + "\n")
        os.chown(left, owner, -1)
    try:
        with EmbeddedPair.start(home) as pair:
            assert query(pair, "SELECT 1") == (1,)
        assert unrelated.poll() is None
    finally:
        unrelated.kill()
        unrelated.wait()


def test_a_session_that_never_ends_does_not_keep_the_servers_running(home, running):
    pair = EmbeddedPair.start(home)
    idle = psycopg2.connect(pair.psql_url)
    idle.cursor().execute("SELECT 1")
    pair.stop()
    assert running(home) == (False, False)


def test_a_long_home_with_a_space_in_it_works(home):
    long = home / ("a folder with a long name " * 5).strip()
    with EmbeddedPair.start(long) as pair:
        assert query(pair, "SELECT current_database()") == ("modiste",)
        assert " " not in pair.broker_url


def test_nothing_is_printed_by_a_start(home):
    script = "import sys; from pathlib import Path; from cli.stack.embedded import EmbeddedPair as E; "
    script += "E.start(Path(sys.argv[1])).stop()"
    command = [sys.executable, "-W", "always::RuntimeWarning", "-c", script, str(home)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | {"PGPORT": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_data_of_another_version_is_refused_by_name(tmp_path):
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(DataVersionError, match="PostgreSQL 16"):
        EmbeddedPair.start(tmp_path)


def test_a_server_that_cannot_start_says_why_and_takes_the_other_down_with_it(home, running):
    EmbeddedPair.start(home).stop()
    settings = home / "postgres" / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text(before + "max_connections = many\n")
    with pytest.raises(ServerDidNotStartError, match="max_connections"):
        EmbeddedPair.start(home)
    assert running(home) == (False, False)
    settings.write_text(before)
