!> The log of a training, as `cryoden compare` reads it.
module run_log
   use, intrinsic :: iso_fortran_env, only: compiler_version, int64, real32, real64
   use engine, only: training_engine
   implicit none
   private
   public :: step_log, start_log, note_step, write_log, clock

   type :: step_log
      character(:), allocatable :: path, hardware, arithmetic, data
      integer :: batch
      real(real32) :: rate
      integer :: steps = 0  !! that are noted
      integer(int64) :: began
      integer, allocatable :: epoch(:), pairs(:)
      real(real64), allocatable :: losses(:), seconds(:)
   end type step_log

contains

   !> Return an empty log; time counts from now.
   function start_log(path, steps, by, data, batch, rate) result(log)
      character(*), intent(in) :: path, data
      integer, intent(in) :: steps, batch
      class(training_engine), intent(in) :: by
      real(real32), intent(in) :: rate
      type(step_log) :: log

      log%path = path
      log%hardware = by%hardware
      log%arithmetic = by%arithmetic
      log%data = data
      log%batch = batch
      log%rate = rate
      allocate (log%epoch(steps), log%pairs(steps), log%losses(steps), log%seconds(steps))
      log%began = clock()
   end function start_log

   !> Note the next step, which is over by now.
   subroutine note_step(log, epoch, pairs, loss)
      type(step_log), intent(inout) :: log
      integer, intent(in) :: epoch, pairs
      real(real64), intent(in) :: loss

      log%steps = log%steps + 1
      log%epoch(log%steps) = epoch
      log%pairs(log%steps) = pairs
      log%losses(log%steps) = loss
      log%seconds(log%steps) = max(1e-9_real64, real(clock() - log%began, real64) / ticks())
   end subroutine note_step

   !> Write all that is noted, over what an earlier call wrote.
   subroutine write_log(log)
      type(step_log), intent(in) :: log
      integer :: unit, i

      open (newunit=unit, file=log%path, status='replace', action='write')
      call write_head(log, unit)
      write (unit, '(a)') 'step,loss,seconds,images_per_second'
      do i = 1, log%steps
         write (unit, '(i0, 3(",", g0))') i, real(log%losses(i), real32), log%seconds(i), &
            log%pairs(i) / max(1e-9_real64, log%seconds(i) - since(log, i))
      end do
      close (unit)
   end subroutine write_log

   subroutine write_head(log, unit)
      type(step_log), intent(in) :: log
      integer, intent(in) :: unit

      write (unit, '(2a)') '# name: fortran, ', log%arithmetic
      write (unit, '(a)') '# reported: false'
      write (unit, '(2a)') '# program: examples/fortran, ', compiler_version()
      write (unit, '(2a)') '# hardware: ', log%hardware
      write (unit, '(a)') '# network: baseline'
      write (unit, '(a)') '# parameters: 2625'
      write (unit, '(2a)') '# data: ', log%data
      write (unit, '(a, i0)') '# batch: ', log%batch
      write (unit, '(a, es12.6)') '# learning_rate: ', log%rate
      write (unit, '(a)') '# optimizer: sgd'
      if (log%epoch(log%steps) > 0) call write_epochs(log, unit)
   end subroutine write_head

   !> Mean loss and duration of each epoch, and the speed of the last one.
   subroutine write_epochs(log, unit)
      type(step_log), intent(in) :: log
      integer, intent(in) :: unit
      character(:), allocatable :: losses, seconds
      integer :: epoch, first, last

      losses = ''
      seconds = ''
      last = 0
      do epoch = 1, log%epoch(log%steps)
         first = last + 1
         last = count(log%epoch(:log%steps) <= epoch)
         losses = losses//', '//text(sum(log%losses(first:last)) / (last - first + 1))
         seconds = seconds//', '//text(log%seconds(last) - since(log, first))
      end do
      write (unit, '(2a)') '# initial_loss: ', text(log%losses(1))
      write (unit, '(3a)') '# epoch_losses: [', losses(3:), ']'
      write (unit, '(3a)') '# epoch_seconds: [', seconds(3:), ']'
      write (unit, '(2a)') '# batches_per_second: ', text((last - first + 1) / (log%seconds(last) - since(log, first)))
   end subroutine write_epochs

   function text(number)
      real(real64), intent(in) :: number
      character(:), allocatable :: text
      character(40) :: digits

      write (digits, '(g0)') number
      text = trim(digits)
   end function text

   !> Return when the step before was over.
   pure real(real64) function since(log, step)
      type(step_log), intent(in) :: log
      integer, intent(in) :: step

      since = 0
      if (step > 1) since = log%seconds(step - 1)
   end function since

   integer(int64) function clock()
      call system_clock(clock)
   end function clock

   real(real64) function ticks()
      integer(int64) :: rate

      call system_clock(count_rate=rate)
      ticks = real(rate, real64)
   end function ticks

end module run_log
