-- A sum of 0 is no row.
DELETE FROM creditrail.tallies WHERE count = 0;
DELETE FROM creditrail.statistics WHERE count = 0;
