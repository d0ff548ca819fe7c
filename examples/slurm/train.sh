#!/bin/bash
#SBATCH --job-name=apo
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue                # SLURM puts the job back when it is preempted, or its node fails
#SBATCH --open-mode=append
#SBATCH --signal=USR1@120        # two minutes before the time limit: stop, and keep a checkpoint

srun cryoden train --halves average/ --run runs/apo --minutes 600 --resume auto
status=$?

# Stopped before the time limit (138 = 128 + SIGUSR1): the job is put back, and continues where it was.
if [ $status -eq 138 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $status
