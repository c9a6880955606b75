# Transactions in every journal mode, concurrent writers, then an integrity check.
cd /tmp
for mode in delete truncate persist memory wal; do
	db=$mode.db
	sqlite3 $db "pragma journal_mode=$mode; create table t(id integer primary key, x text);" > /dev/null
	for i in $(seq 10); do
		sqlite3 $db "pragma busy_timeout=20000; begin; with recursive n(i) as (select 1 union all select i+1 from n where i<500) insert into t(x) select hex(randomblob(50)) from n; commit;" > /dev/null &
	done
	wait
	test "$(sqlite3 $db 'select count(*) from t')" = 5000
	sqlite3 $db "begin; delete from t where id % 3 = 0; rollback; update t set x='u' where id % 7 = 0; vacuum;"
	test "$(sqlite3 $db 'pragma integrity_check')" = ok
	test "$(sqlite3 $db "select count(*) from t where x='u'")" = 714
done
