-- A sum of 0 is no row.
DELETE FROM tallies WHERE count = 0;
DELETE FROM statistics WHERE count = 0;
