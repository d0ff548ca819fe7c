!> Trains the baseline experiment on patch files, in the order and from the weights of an exported run.
!>
!>    ./train PAIRS EXPORT [LOG.csv] [auto | cpu | cudnn | cudnn-tf32]
!>
!> Pairs are read ahead by tasks, each when its slot is free; a task that trains waits for its batch.
!> Without OpenMP it is the same program, one thing after the other.
program train
   use, intrinsic :: iso_fortran_env, only: int64, real32
   use arrays, only: give_up, values_of
   use engine, only: named, training_engine
   use options, only: argument, choose, weights_of
   use pairs, only: order_of, pair_store, read_pairs, store_of, training_order
   use run_log, only: note_step, start_log, step_log, write_log
   !$ use omp_lib, only: omp_set_max_active_levels
   implicit none

   integer, parameter :: readers = 4, ahead = 8, in_use = 2, slots = ahead + in_use
   character(:), allocatable :: folder, exported
   class(training_engine), allocatable :: by
   type(pair_store) :: store
   type(training_order) :: order
   type(step_log) :: log
   real(real32), allocatable :: rate(:)
   integer :: there(slots), steps

   folder = argument(1, '')
   exported = argument(2, '')
   if (exported == '') then
      print '(a)', 'usage: train PAIRS EXPORT [LOG.csv] [auto | cpu | cudnn | cudnn-tf32]'
      stop 2
   end if
   store = store_of(folder)
   order = order_of(exported)
   if (maxval(order%pair) >= store%pairs) call give_up(folder//' has fewer pairs than the run was trained on')
   steps = size(order%epoch)
   rate = values_of(exported, 'learning_rate')
   call choose(argument(4, 'auto'), by)
   call by%prepare([store%edge, store%edge, 1, order%batch], slots)
   call by%load(weights_of(exported, 'initial'), rate(1))
   log = start_log(argument(3, 'fortran_log.csv'), steps, by, description(), order%batch, rate(1))
   call run()
   print '(2a)', 'hardware: ', log%hardware
   print '(2a)', log%path, ' has the losses'
   call compare_weights()

contains

   !> All steps: each is read, some steps later it is begun, and when its slot is needed again it is over.
   subroutine run()
      integer :: step

      !$ call omp_set_max_active_levels(2)
      !$omp parallel num_threads(readers + 1)
      !$omp master
      do step = 1, steps + slots
         if (step > slots) call finish(step - slots)
         if (step <= steps) then
            !$omp task firstprivate(step) depend(out: there(slot_of(step)))
            call read_step(step)
            !$omp end task
         end if
         if (step > ahead .and. step <= steps + ahead) then
            !$omp task if(.false.) firstprivate(step) depend(inout: there(slot_of(step - ahead)))
            call by%learn(slot_of(step - ahead), pairs_of(step - ahead))
            !$omp end task
         end if
      end do
      !$omp end master
      !$omp end parallel
   end subroutine run

   subroutine read_step(step)
      integer, intent(in) :: step

      associate (place => by%slots(slot_of(step)))
         call read_pairs(store, order%pair(order%first(step):order%first(step + 1) - 1), place%noisy, place%target)
      end associate
   end subroutine read_step

   !> Wait for a step and note it; at the end of an epoch, say so and write the log.
   subroutine finish(step)
      integer, intent(in) :: step

      call note_step(log, order%epoch(step), pairs_of(step), by%loss_of(slot_of(step)))
      if (step < steps) then
         if (order%epoch(step) == order%epoch(step + 1)) return
      end if
      call write_log(log)
      print '(a, i0, a, i0, a, es10.3, a, f0.1, a)', 'epoch ', order%epoch(step), ', step ', step, ': loss ', &
         log%losses(step), ' in the last step, after ', log%seconds(step), ' s'
   end subroutine finish

   pure integer function slot_of(step)
      integer, intent(in) :: step

      slot_of = 1 + mod(step - 1, slots)
   end function slot_of

   pure integer function pairs_of(step)
      integer, intent(in) :: step

      pairs_of = order%first(step + 1) - order%first(step)
   end function pairs_of

   function description() result(text)
      character(:), allocatable :: text
      character(80) :: numbers

      write (numbers, '(2(i0, a))') size(order%pair), ' pairs of ', store%edge, ' px, epochs one after the other'
      text = trim(numbers)
   end function description

   !> Print how far the weights are from those the run kept, which may be of an earlier epoch.
   subroutine compare_weights()
      real(real32), allocatable :: kept(:), found(:)
      integer :: i

      do i = 1, 3
         kept = values_of(exported, named('final_', 'weight', i))
         found = by%values(named('', 'weight', i))
         print '(a, i0, a, es8.1)', 'weights of layer ', i, ': largest difference from those the run kept ', &
            maxval(abs(found - kept)) / maxval(abs(kept))
      end do
   end subroutine compare_weights

end program train
