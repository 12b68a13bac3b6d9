/**
 * The words of MySQL's and MariaDB's grammars, in lower case. Read from information_schema.KEYWORDS of MariaDB 10.11
 * (reserved: those it refused as a table's name) with the names of its sql_functions, and MySQL 8.4's own words.
 */
export const RESERVED_WORDS =
  'accessible add all alter analyze and as asc asensitive before between bigint binary blob both by call ' +
  'cascade case change char character check collate column condition constraint continue convert create cross ' +
  'current_date current_role current_time current_timestamp current_user cursor databases day_hour ' +
  'day_microsecond day_minute day_second dec decimal declare default delayed delete delete_domain_id desc ' +
  'describe deterministic distinct distinctrow div do_domain_ids double drop dual each else elseif enclosed ' +
  'escaped except exists exit explain false fetch float float4 float8 for force foreign from fulltext grant ' +
  'group having high_priority hour_microsecond hour_minute hour_second ignore ignore_domain_ids in index infile ' +
  'inner inout insensitive insert int int1 int2 int3 int4 int8 integer intersect interval into is iterate join ' +
  'key keys kill leading leave left like limit linear lines load localtime localtimestamp lock long longblob ' +
  'longtext loop low_priority master_demote_to_replica master_demote_to_slave master_ssl_verify_server_cert ' +
  'match maxvalue mediumblob mediumint mediumtext middleint minute_microsecond minute_second mod modifies ' +
  'natural no_write_to_binlog not null numeric offset on optimize optionally or order out outer outfile over ' +
  'page_checksum parse_vcol_expr partition portion precision primary procedure purge range read read_write ' +
  'reads real recursive ref_system_id references regexp release rename repeat replace require resignal restrict ' +
  'return returning revoke right rlike row_number rows schemas second_microsecond select sensitive separator ' +
  'set show signal smallint spatial specific sql sql_big_result sql_calc_found_rows sql_small_result ' +
  'sqlexception sqlstate sqlwarning ssl starting stats_auto_recalc stats_persistent stats_sample_pages ' +
  'straight_join table terminated then tinyblob tinyint tinytext to trailing trigger true undo union unique ' +
  'unlock unsigned update usage use using utc_date utc_time utc_timestamp values varbinary varchar varcharacter ' +
  'varying when where while with write xor year_month zerofill';

/** Words that may also be names. */
export const PLAIN_WORDS =
  'account action active adddate admin after against aggregate algorithm always analyse any array ascii at ' +
  'atomic attribute authentication authors auto auto_increment autoextend_size avg avg_row_length backup begin ' +
  'binlog bit bit_and bit_or bit_xor block body bool boolean btree buckets bulk byte cache cascaded cast ' +
  'catalog_name chain challenge_response changed channel charset checkpoint checksum cipher class_origin client ' +
  'clob clone close coalesce code collation column_add column_check column_create column_delete column_get ' +
  'column_name columns comment commit committed compact completion component compressed concurrent connection ' +
  'consistent constraint_catalog constraint_name constraint_schema contains context contributors count cpu cube ' +
  'cume_dist curdate current current_pos cursor_name curtime cycle data database datafile date date_add ' +
  'date_sub datetime day deallocate definer delay_key_write dense_rank des_key_file diagnostics directory ' +
  'disable discard disk do dumpfile duplicate dynamic elsif empty enable end ends engine engines enum error ' +
  'errors escape event events every examined exception exchange exclude execute expansion expire export ' +
  'extended extent_size extract factor failed_login_attempts fast faults federated fields file finish first ' +
  'first_value fixed flush following follows format found full function general generate generated get ' +
  'get_format get_master_public_key global goto grants group_concat grouping groups gtids handler hard hash ' +
  'help histogram history host hosts hour id identified if ignore_server_ids ignored immediate import inactive ' +
  'increment indexes initial initial_size initiate insert_method install invisible invoker io io_after_gtids ' +
  'io_before_gtids io_thread ipc isolation isopen issuer json json_arrayagg json_objectagg json_table ' +
  'key_block_size keyring lag language last last_value lastval lateral lead leaves less level list local locked ' +
  'locks log logfile logs manual master master_bind master_connect_retry master_delay master_gtid_pos ' +
  'master_heartbeat_period master_host master_log_file master_log_pos master_password master_port ' +
  'master_server_id master_ssl master_ssl_ca master_ssl_capath master_ssl_cert master_ssl_cipher master_ssl_crl ' +
  'master_ssl_crlpath master_ssl_key master_use_gtid master_user max max_connections_per_hour ' +
  'max_queries_per_hour max_rows max_size max_statement_time max_updates_per_hour max_user_connections median ' +
  'medium memory merge message_text microsecond mid migrate min min_rows minus minute minvalue mode modify ' +
  'monitor month mutex mysql mysql_errno name names national nchar nested never next nextval no no_wait nocache ' +
  'nocycle nodegroup nomaxvalue nominvalue none notfound now nowait nth_value ntile number nvarchar of old ' +
  'old_password one online only open option options ordinality organization others overlaps owner pack_keys ' +
  'package page parallel parser partial partitioning partitions password password_lock_time path percent_rank ' +
  'percentile_cont percentile_disc period persist persist_only persistent phase plugin plugins port position ' +
  'precedes preceding prepare preserve prev previous privileges process processlist profile profiles proxy ' +
  'qualify quarter query quick raise random rank raw read_only rebuild recover redo_buffer_size redofile ' +
  'redundant reference registration relay relay_log_file relay_log_pos relay_thread relaylog reload remove ' +
  'reorganize repair repeatable replay replica replica_pos replicas replication require_row_format reset ' +
  'resource restart restore resume retain returned_sqlstate returns reuse reverse role rollback rollup routine ' +
  'row row_count row_format rowcount rownum rowtype rtree s3 savepoint schedule schema schema_name second ' +
  'secondary secondary_engine secondary_load secondary_unload security sequence serial serializable server ' +
  'session session_user setval share shutdown signed simple skip slave slave_pos slaves slow snapshot socket ' +
  'soft some soname sounds source sql_after_gtids sql_after_mts_gaps sql_before_gtids sql_buffer_result ' +
  'sql_cache sql_no_cache sql_thread sql_tsi_day sql_tsi_hour sql_tsi_minute sql_tsi_month sql_tsi_quarter ' +
  'sql_tsi_second sql_tsi_week sql_tsi_year srid stage start starts statement status std stddev stddev_pop ' +
  'stddev_samp stop storage stored stream string subclass_origin subdate subject subpartition subpartitions ' +
  'substr substring sum super suspend swaps switches sysdate system system_time system_user table_checksum ' +
  'table_name tables tablesample tablespace temporary temptable text than thread_priority threads ties time ' +
  'timestamp timestampadd timestampdiff tls transaction transactional triggers trim truncate type unbounded ' +
  'uncommitted undefined undo_buffer_size undofile unicode uninstall unknown unregister until upgrade url ' +
  'use_frm user user_resources value var_pop var_samp varchar2 variables variance vcpu versioning via view ' +
  'virtual visible wait warnings week weight_string window within without work wrapper x509 xa xml year zone';

/** Character sets, which with an underscore in front introduce a literal: `_utf8mb4'x'`. */
export const CHARSETS =
  'armscii8 ascii big5 binary cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 cp932 dec8 eucjpms euckr gb18030 gb2312 ' +
  'gbk geostd8 greek hebrew hp8 keybcs2 koi8r koi8u latin1 latin2 latin5 latin7 macce macroman sjis swe7 tis620 ucs2 ' +
  'ujis utf16 utf16le utf32 utf8 utf8mb3 utf8mb4';
