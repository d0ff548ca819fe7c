"""What other programs of the field are handed: lists of results, and jobs that end as they expect."""
