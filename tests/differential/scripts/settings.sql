-- Sizes in pages, with and without a unit.
SET min_parallel_table_scan_size = '1kB';
SHOW min_parallel_table_scan_size;
SET min_parallel_table_scan_size = 10;
SHOW min_parallel_table_scan_size;
SET min_parallel_table_scan_size = '1 MB';
SHOW min_parallel_table_scan_size;
SET min_parallel_table_scan_size = '1.5GB';
SHOW min_parallel_table_scan_size;
SET min_parallel_table_scan_size = '12kB';
SHOW min_parallel_table_scan_size;
SET min_parallel_table_scan_size = -1;
SET min_parallel_table_scan_size = 800000000;
SET min_parallel_table_scan_size = '3 parsec';
SET min_parallel_table_scan_size = '2048TB';
SHOW min_parallel_table_scan_size;
RESET min_parallel_table_scan_size;
SHOW min_parallel_table_scan_size;
